// Consumes credits of an organization: checks the request, asks the database, says how it went.
//
// The caller's own token goes through to the database, which alone decides who may consume what.
// With the header Idempotency-Key, a request that is sent again debits once and gets the first answer.

import { createClient, type PostgrestError } from "@supabase/supabase-js";
import { corsHeaders } from "@supabase/supabase-js/cors";

const ACTION_TYPES = ["ai_chat", "whatsapp_message", "email_send", "sms_send"] as const;
const VERSION = "3.5.0"; // said in every answer, so that a deployment can be told from the one before
const LARGEST_INTEGER = 2_147_483_647; // PostgreSQL's
const PATIENCE_MS = 5_000; // how long the database may take
const RETRY_AFTER_S = 5;

const UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"; // what an organization goes by, if nothing else is said
const KEY = /^[\x21-\x7e]{1,255}$/;
const PASSING = /^(08|25006|40|53|55P03|57)/; // SQLSTATEs of trouble that passes: connections, locks, failover

const CORS = {
  ...corsHeaders,
  "Access-Control-Allow-Headers": corsHeaders["Access-Control-Allow-Headers"] + ", idempotency-key",
  "Access-Control-Allow-Methods": "POST, OPTIONS",
  "Access-Control-Expose-Headers": "Retry-After, X-Version",
  "X-Version": VERSION,
};

type ActionType = (typeof ACTION_TYPES)[number];

interface Consumption {
  success: boolean;
  remaining_credits: number;
  action_type: ActionType;
  credits_consumed: number;
}

/** Why no credits were consumed, in words fit for the caller. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

const invalid = (message: string) => new Refusal(400, "invalid_request", message);
const unauthorized = (message: string) => new Refusal(401, "unauthorized", message, { "WWW-Authenticate": "Bearer" });
const broken = () => new Refusal(500, "internal_error", "Internal error");

/** Debits the organization with the rights of the caller; throws a Refusal where that cannot be. */
export const consume_credits_rpc = async (
  organization_id: string,
  action_type: ActionType,
  credits: number,
  authorization: string,
  idempotencyKey: string | null = null,
): Promise<Consumption> => {
  const supabase = createClient(Deno.env.get("SUPABASE_URL")!, publicKey(), {
    auth: { persistSession: false, autoRefreshToken: false },
    db: { schema: Deno.env.get("CREDITS_SCHEMA") || "public" },
    global: { headers: { Authorization: authorization } },
  });
  const request = { p_organization_id: organization_id, p_action_type: action_type, p_credits: credits };
  const call = idempotencyKey === null
    ? supabase.rpc("consume_credits_rpc", request)
    : supabase.rpc("consume_credits_once", { ...request, p_idempotency_key: idempotencyKey });

  const { data, error, status } = await call.abortSignal(AbortSignal.timeout(PATIENCE_MS));
  if (error) {
    throw refusal(error, status);
  }
  return data;
};

/** The project's public key: it opens the API's gateway and nothing behind it. */
function publicKey(): string {
  const keys = Deno.env.get("SUPABASE_PUBLISHABLE_KEYS");
  return keys ? Object.values<string>(JSON.parse(keys))[0] : Deno.env.get("SUPABASE_ANON_KEY")!;
}

/** Translates what the database's API said. Its status alone will not do: to it, P0002 is a 500. */
function refusal(error: PostgrestError, status: number): Refusal {
  if (status === 401) {
    return unauthorized("The token is not valid here");
  }
  switch (error.code) {
    case "22023":
      return invalid("The database found the request invalid");
    case "PT402":
      return new Refusal(402, "insufficient_credits", error.message);
    case "42501":
    case "22P02": // the token's organization has another form; the request's has not
      return new Refusal(403, "forbidden", "Not allowed to consume credits of this organization");
    case "P0002":
      return new Refusal(404, "organization_not_found", "Organization not found");
    case "PT422":
      return new Refusal(422, "idempotency_key_reused", error.message);
  }
  console.error(`database: ${status} ${error.code} ${error.message}`);
  if (status === 0 || status > 500 || PASSING.test(error.code)) {
    const advice = "The database does not answer; try again, with the same Idempotency-Key";
    return new Refusal(503, "unavailable", advice, { "Retry-After": `${RETRY_AFTER_S}` });
  }
  return broken();
}

/** Returns the arguments of consume_credits_rpc; throws a Refusal where the request is not as it should be. */
async function read(request: Request): Promise<Parameters<typeof consume_credits_rpc>> {
  if (request.method !== "POST") {
    throw new Refusal(405, "method_not_allowed", "Use POST", { Allow: "POST, OPTIONS" });
  }
  const authorization = request.headers.get("Authorization") ?? "";
  if (!/^Bearer \S+$/i.test(authorization)) {
    throw unauthorized("Send a token as Authorization: Bearer …");
  }
  const key = request.headers.get("Idempotency-Key");
  if (key !== null && !KEY.test(key)) {
    throw invalid("Idempotency-Key must be 1 to 255 visible ASCII characters");
  }
  const body = await request.json().catch(() => null);
  if (typeof body !== "object" || body === null) {
    throw invalid("The body must be a JSON object");
  }
  const { organization_id, action_type, credits } = body;
  const pattern = Deno.env.get("CREDITS_ORGANIZATION_ID");
  if (
    !["string", "number"].includes(typeof organization_id) || !RegExp(`^(${pattern || UUID})$`).test(organization_id)
  ) {
    throw invalid(pattern ? "organization_id must be the id of an organization" : "organization_id must be a UUID");
  }
  if (!ACTION_TYPES.includes(action_type)) {
    throw invalid(`action_type must be one of ${ACTION_TYPES.join(", ")}`);
  }
  if (!Number.isInteger(credits) || credits < 1 || credits > LARGEST_INTEGER) {
    throw invalid(`credits must be an integer from 1 to ${LARGEST_INTEGER}`);
  }
  return [`${organization_id}`, action_type, credits, authorization, key];
}

/** Answers one request: 200 with what was consumed, or {error, code} and the status that fits. */
export const handler = async (request: Request): Promise<Response> => {
  if (request.method === "OPTIONS") {
    return new Response("ok", { headers: CORS });
  }
  try {
    return Response.json(await consume_credits_rpc(...await read(request)), { headers: CORS });
  } catch (error) {
    if (!(error instanceof Refusal)) {
      console.error(error);
    }
    const { status, code, message, headers } = error instanceof Refusal ? error : broken();
    return Response.json({ error: message, code }, { status, headers: { ...CORS, ...headers } });
  }
};

Deno.serve(handler);
