// Who has logged in, and every request to the collector's API. User and password are in this object and nowhere else.

const TIMEOUT_MS = 20_000;
/** Rows that are taken of a route at most. */
const MOST_ROWS = 200_000;

/**
 * Why something was not answered: not "ended" when logging in; "gone" or "ended" later; from "doubted" on when logging
 * in by an OpenID provider.
 * @typedef {"wrong" | "unnamed" | "many" | "gone" | "unchecked" | "ended" | "doubted" | "unasked" | "elsewhere" |
 *   "astray" | "declined"} Reason
 */
/** @type {Record<number, Reason>} by the status of an answer to a log-in. */
const REFUSALS = { 401: "wrong", 403: "unnamed", 422: "wrong", 429: "many", 503: "unchecked" };
/** @type {Record<number, Reason>} by that of an answer to one by an OpenID provider. */
const OPEN_ID_REFUSALS = { ...REFUSALS, 401: "doubted", 422: "astray", 503: "unasked" };

export class Refusal extends Error {
  /** @param {Reason} reason @param {string} detail what the collector says of it, in its own language. */
  constructor(reason, detail = "") {
    super(reason);
    this.name = "Refusal";
    this.reason = reason;
    this.detail = detail;
  }
}

export class Session {
  #user = "";
  #password = "";
  #token = "";
  /** @type {Promise<void> | null} */
  #renewal = null;
  /** Whether this user may see what all have done. */
  audits = false;
  /**
   * @param {string} user
   * @param {string} password
   * @throws {Refusal}
   */
  async logIn(user, password) {
    await this.#open("session", { user, password }, REFUSALS);
    this.#user = user;
    this.#password = password;
  }

  /**
   * Log in with what an OpenID provider gave.
   * @param {string} code
   * @param {string} verifier
   * @throws {Refusal}
   */
  async comeBack(code, verifier) {
    await this.#open("session/open-id", { code, verifier }, OPEN_ID_REFUSALS);
  }

  /**
   * Read one answer of the API; where the token has ended, another one is asked for once.
   * @param {string} path
   * @param {Record<string, string | number | string[] | undefined>} parameters empty ones are left out.
   * @returns {Promise<any>}
   * @throws {Refusal}
   */
  async get(path, parameters = {}) {
    const answer = await this.#renewing(() => this.#get(path, parameters));
    if (!answer.ok) throw new Refusal("gone");
    return bodyOf(answer);
  }

  /**
   * Begin an answer that goes on.
   * @param {string} path
   * @param {string} lastId what it is to go on behind, "" for nothing.
   * @param {AbortSignal} signal ends it.
   * @returns {Promise<Response>}
   * @throws {Refusal} "many" where others have all that the collector gives.
   */
  async follow(path, lastId, signal) {
    const answer = await this.#renewing(() => {
      /** @type {Record<string, string>} */
      const headers = { Authorization: `Bearer ${this.#token}` };
      if (lastId !== "") headers["Last-Event-ID"] = lastId;
      return ask(path, { headers, signal });
    });
    if (!answer.ok) throw new Refusal(answer.headers.has("Retry-After") ? "many" : "gone");
    return answer;
  }

  /**
   * All rows of a route, page by page.
   * @param {string} path
   * @param {Record<string, string | number | string[] | undefined>} parameters
   * @param {(rows: any[]) => void} take
   */
  async all(path, parameters, take) {
    let after;
    let count = 0;
    do {
      const page = await this.get(path, { limit: 5000, ...parameters, after });
      take(page.rows);
      count += page.rows.length;
      after = page.next ?? undefined;
    } while (after !== undefined && count < MOST_ROWS);
  }

  /**
   * Say that a file was made of a table: it is written down who takes what along.
   * @param {string} what
   * @param {string} fleet "" for all.
   * @throws {Refusal} it was not written down, so no file is to be made.
   */
  async noteFile(what, fleet) {
    const answer = await this.#renewing(() =>
      ask("exports", {
        method: "POST",
        headers: { Authorization: `Bearer ${this.#token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ what, fleet: fleet || null }),
      }),
    );
    if (!answer.ok) throw new Refusal("gone");
  }

  async logOut() {
    const headers = { Authorization: `Bearer ${this.#token}` };
    this.#user = this.#password = this.#token = "";
    await ask("session", { method: "DELETE", headers }).catch(() => undefined);
  }

  /** @param {string} path @param {Record<string, string>} shown @param {Record<number, Reason>} refusals */
  async #open(path, shown, refusals) {
    const answer = await ask(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(shown),
    });
    const said = await bodyOf(answer);
    if (!answer.ok) throw new Refusal(refusals[answer.status] ?? "gone", String(said.detail ?? ""));
    this.audits = said.audits;
    this.#token = said.token;
  }

  /** Ask, and once more with another token where this one has ended. @param {() => Promise<Response>} request */
  async #renewing(request) {
    const answer = await request();
    if (answer.status !== 401) return answer;
    await this.#renew();
    const again = await request();
    if (again.status === 401) throw new Refusal("ended");
    return again;
  }

  /** @param {string} path @param {Record<string, string | number | string[] | undefined>} parameters */
  #get(path, parameters) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) {
      for (const each of Array.isArray(value) ? value : [value]) {
        if (each !== undefined && each !== "") query.append(name, String(each));
      }
    }
    return ask(`${path}?${query}`, { headers: { Authorization: `Bearer ${this.#token}` } });
  }

  /** Several questions may find at once that the token has ended; one log-in serves all of them. */
  #renew() {
    // Whoever came by an OpenID provider has no password here, and has to go there again.
    if (this.#password === "") throw new Refusal("ended");
    this.#renewal ??= this.logIn(this.#user, this.#password)
      .catch((error) => {
        throw new Refusal(error.reason === "wrong" || error.reason === "unnamed" ? "ended" : "gone");
      })
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }
}

/** @returns {Promise<{languages: ("en" | "zh")[], time_zone: string, open_id: string | null}>} */
export async function settings() {
  const answer = await ask("settings", {});
  if (!answer.ok) throw new Refusal("gone");
  return bodyOf(answer);
}

/**
 * Where to log in by an OpenID provider, and where the page is to be open for that.
 * @param {string} challenge
 * @returns {Promise<{address: string, page: string}>}
 * @throws {Refusal}
 */
export async function wayThere(challenge) {
  const answer = await ask(`session/open-id?${new URLSearchParams({ challenge })}`, {});
  if (!answer.ok) throw new Refusal(OPEN_ID_REFUSALS[answer.status] ?? "gone");
  return bodyOf(answer);
}

/** What an answer says; one that breaks off is none. @param {Response} answer @returns {Promise<any>} */
async function bodyOf(answer) {
  try {
    return await answer.json();
  } catch {
    throw new Refusal("gone");
  }
}

/** @param {string} path @param {RequestInit} request one without a signal may take so long and no longer. */
async function ask(path, request) {
  try {
    return await fetch(`api/v1/${path}`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...request,
      cache: "no-store",
      credentials: "omit",
    });
  } catch {
    throw new Refusal("gone");
  }
}
