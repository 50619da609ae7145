// An OpenID provider on loopback, by TLS, whose own pages ask for any name and any password. Its one argument is JSON.

import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { pathToFileURL } from "node:url";

const { library, port, certificate, key, client, unverified } = JSON.parse(process.argv[2]);
const { Provider } = await import(pathToFileURL(library));

const provider = new Provider(`https://localhost:${port}`, {
  clients: [client],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
  pkce: { required: () => true },
  cookies: { keys: ["of the lab"] },
  findAccount: (_context, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: sub, email_verified: !unverified.includes(sub), preferred_username: sub.split("@")[0] }),
  }),
});
provider.on("server_error", (_context, error) => console.error(error));
createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, provider.callback()).listen(port, "127.0.0.1");
