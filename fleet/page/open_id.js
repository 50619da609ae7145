// Logging in by an OpenID provider: away with a challenge, and back with a code. The verifier between the two is in this
// tab's storage, which is the only thing that this page ever keeps anywhere.

import { Refusal, wayThere } from "./session.js";

const KEY = "open-id";
const VERIFIER_BYTES = 32;

/** Go to the provider. @throws {Refusal} */
export async function leave() {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(VERIFIER_BYTES)));
  const { address, page } = await wayThere(await challengeOf(verifier));
  if (new URL(page).origin !== location.origin) throw new Refusal("elsewhere", page);
  sessionStorage.setItem(KEY, verifier);
  location.assign(address);
}

/**
 * What the provider sent somebody back with, null where nobody comes back; the page's address is as before after that.
 * @returns {Promise<{code: string, verifier: string} | Refusal | null>}
 */
export async function returned() {
  const said = new URLSearchParams(location.search);
  const [code, state] = [said.get("code"), said.get("state")];
  if (state === null || (code === null && !said.has("error"))) return null;
  const verifier = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  history.replaceState(null, "", location.pathname);
  if (verifier === null || (await challengeOf(verifier)) !== state) return new Refusal("astray");
  return code === null ? new Refusal("declined") : { code, verifier };
}

/** By S256 (RFC 7636 section 4.2). @param {string} verifier */
async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
