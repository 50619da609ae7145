// Rows as a file that spreadsheets open (RFC 4180). Pure.

/** What a spreadsheet would compute instead of showing (CWE-1236): the API's own files do the same with it. */
const COMPUTED = /^[=+\-@\t\r]/;

/** @param {string | number | boolean | null} value */
function cell(value) {
  if (value === null) return "";
  let text = String(value);
  if (typeof value === "string" && COMPUTED.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {string[]} names the columns, as the API names them.
 * @param {Record<string, any>[]} rows
 */
export const csvOf = (names, rows) =>
  [names, ...rows.map((row) => names.map((name) => row[name] ?? null))]
    .map((cells) => cells.map(cell).join(",") + "\r\n")
    .join("");

/** @type {(what: string) => Promise<void>} */
let note = async () => {};

/** Have each file written down before it is made. @param {(what: string) => Promise<void>} by throws where it is not. */
export function noteFiles(by) {
  note = by;
}

/**
 * Hand a file to whoever sits there; that it was made leaves the page, and nothing else.
 * @param {string} name
 * @param {string} text
 */
export async function save(name, text) {
  await note(name.replace(".csv", ""));
  // With a byte order mark, without which some spreadsheets read Chinese as something else.
  const address = URL.createObjectURL(new Blob(["\uFEFF", text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
