// An example app with the client that openapi-typescript generates. A phone creates a portfolio offline, has a conflict
// with a tablet, brings back a losing value, and handles errors.
// Run: COINOLIO_URL=… COINOLIO_TOKEN=… npm run example

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/coinolio.js";

type Schemas = components["schemas"];
type Edit = Schemas["Edit"];
type SyncRequest = Schemas["SyncChangesRequest"];
type SyncAnswer = Schemas["SyncChangesAnswer"];

function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

const api = createClient<paths>({
  baseUrl: environment("COINOLIO_URL"),
  headers: { Authorization: `Bearer ${environment("COINOLIO_TOKEN")}` },
});

// The device's action after an error, by its code.
// begin: error actions, written by `cargo run -p coinolio-tests --bin write-routes`
type Action = "repeat" | "sign_in" | "take_out" | "rejoin" | "base_lost" | "ask" | "update" | "stop";

const ACTIONS: Record<Schemas["Code"], Action> = {
  malformed: "take_out",
  unauthenticated: "sign_in",
  not_found: "ask",
  method_not_allowed: "stop",
  busy: "repeat",
  base_unknown: "rejoin",
  wipe_refused: "ask",
  already_exists: "stop",
  base_expired: "base_lost",
  deleted: "ask",
  precondition_failed: "ask",
  too_large: "ask",
  unsupported_encoding: "stop",
  invalid: "take_out",
  client_too_old: "update",
  unavailable: "repeat",
  internal: "repeat",
};
// end: error actions

/** Returns the action for an error. The gateway's own responses are not problem documents and have no `code`. */
function refusal(problem: Schemas["Problem"] | Schemas["GatewayMessage"], status: number): Action {
  if ("code" in problem && problem.code in ACTIONS) {
    const action = ACTIONS[problem.code];
    return action === "take_out" && problem.errors === undefined ? "stop" : action;
  }
  if (status === 401) return "sign_in";
  if (status === 426) return "update";
  if (status === 408 || status === 425 || status === 429 || status >= 500) return "repeat";
  return [409, 410, 412, 413].includes(status) ? "ask" : "stop";
}

/** Sends a sync. Returns the response, or the action if the service refuses the sync. */
async function sync(id: string, body: SyncRequest): Promise<SyncAnswer | Action> {
  const { data, error, response } = await api.POST("/api/v2/portfolios/{id}/sync", { params: { path: { id } }, body });
  return data ?? refusal(error, response.status);
}

/** Sends a sync that must succeed. */
async function synced(id: string, body: SyncRequest): Promise<SyncAnswer> {
  const answer = await sync(id, body);
  if (typeof answer === "string") throw new Error(`refused: ${answer}`);
  return answer;
}

/** A sync with a new id. A retry must send the same `sync_id` again. */
function request(device: string, base: number, changes: Edit[]): SyncRequest {
  return { device_id: device, sync_id: randomUUID(), base_version: base, sent_at: new Date().toISOString(), changes };
}

/** Lists the operations that the device applies, one line each. Each `op` has its own members. */
function applied(answer: SyncAnswer): string[] {
  if ("document" in answer) return [`take ${JSON.stringify(answer.document)}`];
  return answer.changes.map((change) => {
    switch (change.op) {
      case "set":
        return `set ${JSON.stringify(change.path)} ${JSON.stringify(change.value)}`;
      case "delete":
        return `delete ${JSON.stringify(change.path)}`;
      case "move":
        return `move ${JSON.stringify(change.path)} after ${JSON.stringify(change.after)}`;
    }
  });
}

/** Formats a side of a conflict for the user. */
function shown(side: Schemas["ConflictSide"]): string {
  return "deleted" in side ? "deleted" : JSON.stringify(side.value);
}

const id = randomUUID();

// The phone creates the portfolio offline. Base 0 means that it does not exist yet.
const created = await synced(id, {
  ...request("phone", 0, [{ op: "set", path: ["assets"], value: { btc: { amount: "0.5" }, eth: { amount: "2.0" } } }]),
  name: "Made offline",
});
assert.equal(created.version, 1);
assert.equal(created.outcome, "accepted");
assert.deepEqual(applied(created), []);

// The tablet edits the portfolio and syncs before the phone.
const amount = ["assets", "btc", "amount"] satisfies Schemas["Path"];
const clock = Date.now();
const tablet = await synced(id, request("tablet", created.version, [
  { op: "set", path: amount, value: "0.7", modified_at: new Date(clock - 60_000).toISOString() },
  { op: "delete", path: ["assets", "eth"] },
]));
assert.equal(tablet.version, 2);

// The phone asks whether a sync may conflict with other edits. It may.
const status = await api.GET("/api/v2/portfolios/{id}/sync-status", {
  params: { path: { id }, query: { base_version: created.version, device_id: "phone", local_changes: true } },
});
assert.deepEqual(
  [status.data?.needs_sync, status.data?.has_conflicts, status.data?.server_version],
  [true, true, 2],
);

// The phone edited the same amount later, so its value wins and the conflict has the tablet's value. The response also
// contains the tablet's deletion.
const edit = request("phone", created.version, [
  { op: "set", path: amount, value: "0.9", modified_at: new Date(clock - 1_000).toISOString() },
]);
const merged = await synced(id, edit);
assert.equal(merged.outcome, "merged");
assert.equal(merged.version, 3);
assert.deepEqual(applied(merged), ['delete ["assets","eth"]']);
const [conflict] = merged.conflicts;
assert.ok(conflict !== undefined && merged.conflicts.length === 1);
assert.deepEqual(
  [conflict.path, conflict.winner, conflict.rule, shown(conflict.client), shown(conflict.server)],
  [amount, "client", "newest", '"0.9"', '"0.7"'],
);

// Suppose the phone did not receive the response: sending the same sync again has no second effect.
const repeated = await synced(id, { ...edit, sent_at: new Date().toISOString() });
assert.equal(repeated.version, 3);
assert.deepEqual(repeated.conflicts, merged.conflicts);

// The tablet deletes the amount that the phone has edited. The phone's edit is newer, so the tablet gets a conflict.
const late = await synced(id, request("tablet", tablet.version, [
  { op: "delete", path: amount, modified_at: new Date(clock - 30_000).toISOString() },
]));
assert.deepEqual(late.conflicts.map((met) => [met.winner, shown(met.client), shown(met.server)]).at(-1), ["server", "deleted", '"0.9"']);

// Read the document; then 304, because the client already has this version.
const read = await api.GET("/api/v2/portfolios/{id}", { params: { path: { id } } });
assert.deepEqual(read.data?.document, { assets: { btc: { amount: "0.9" } } });
assert.equal(read.data?.name, "Made offline");
const etag = read.response.headers.get("ETag");
assert.equal(etag, `"${late.version}"`);
const known = await api.GET("/api/v2/portfolios/{id}", { params: { path: { id }, header: { "If-None-Match": etag } } });
assert.equal(known.response.status, 304);

// The user looks at the history and wants the tablet's deletion after all. It is applied on top of the head. A repeated
// request makes no second version.
const history = await api.GET("/api/v2/portfolios/{id}/history", { params: { path: { id }, query: { limit: 1 } } });
const [newest] = history.data?.changes ?? [];
assert.deepEqual([newest?.kind, newest?.device_id, newest?.summary], ["synced", "tablet", "no change"]);
const met = newest?.conflicts.at(-1);
assert.ok(met !== undefined);
const mine = { params: { path: { id, version: met.version, index: met.index } } };
for (const _attempt of ["first", "repeated"]) {
  const kept = await api.POST("/api/v2/portfolios/{id}/conflicts/{version}/{index}/keep-mine", mine);
  assert.equal(kept.data?.version, late.version + 1);
}
const difference = await api.GET("/api/v2/portfolios/{id}/compare", {
  params: { path: { id }, query: { from: late.version, to: late.version + 1 } },
});
assert.deepEqual(difference.data?.changes, [{ op: "delete", path: amount }]);

// Each error code leads to an action. Base 40 is unknown, and `edit` with other changes reuses a `sync_id`.
assert.equal(await sync(id, request("phone", 40, [])), "rejoin");
assert.equal(await sync(id, { ...edit, changes: [] }), "stop");
const twice: Edit[] = [{ op: "set", path: amount, value: "1" }, { op: "set", path: amount, value: "2" }];
assert.equal(await sync(id, request("phone", 3, twice)), "take_out");
const deleted = await api.DELETE("/api/v1/portfolios/{id}", { params: { path: { id } } });
assert.equal(deleted.response.status, 204);
assert.equal(await sync(id, request("phone", 3, [])), "ask");

// The deletion was a mistake: the user restores the version that the phone has, and the phone goes on syncing.
const restored = await api.POST("/api/v2/portfolios/{id}/restore", { params: { path: { id } }, body: { version: 3 } });
assert.equal(restored.data?.version, late.version + 3);
const resumed = await synced(id, request("phone", 3, []));
assert.deepEqual([resumed.version, resumed.outcome], [late.version + 3, "pulled"]);

// An invalid token is 401.
const stranger = await api.GET("/api/v2/portfolios", { headers: { Authorization: "Bearer nobody" } });
assert.equal(stranger.response.status, 401);
assert.ok(stranger.error !== undefined && refusal(stranger.error, 401) === "sign_in");

console.log("client: created, merged, read, deleted and restored a portfolio");
