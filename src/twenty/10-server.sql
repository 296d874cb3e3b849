/* twenty: where a server is and how to get in, and what its answers mean. */

CREATE FUNCTION flitmig._twenty_validator(text[], oid) RETURNS void
LANGUAGE c STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'flitmig_twenty_validator';
COMMENT ON FUNCTION flitmig._twenty_validator(text[], oid) IS 'Checks the options of CREATE SERVER (url, allow_http, ca_file) and CREATE USER MAPPING (api_key or api_key_file)';

CREATE FOREIGN DATA WRAPPER flitmig_twenty VALIDATOR flitmig._twenty_validator;
COMMENT ON FOREIGN DATA WRAPPER flitmig_twenty IS 'Twenty CRM servers: CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url ''https://crm.example.com'')';

CREATE FUNCTION flitmig.classify_answer(status integer, body text,
	OUT class text, OUT code text, OUT message text, OUT limit_tokens integer, OUT limit_window_ms integer,
	OUT max_records integer, OUT conflicting_id uuid, OUT clue text, OUT duplicate boolean)
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'flitmig_classify_answer';
COMMENT ON FUNCTION flitmig.classify_answer(integer, text) IS 'What an answer of Twenty to a POST means: stored, throttled, transient, ambiguous, batch_refused, unauthorised, schema_changed or not_twenty';

CREATE FUNCTION flitmig._http(server text, method text, path text, body text DEFAULT '', calls integer DEFAULT 1, at_once integer DEFAULT 1,
	per_minute integer DEFAULT 0)
RETURNS TABLE (outcome text, status integer, answer text, elapsed_ms double precision, error text, retry_after_ms integer, class text)
LANGUAGE c STRICT VOLATILE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'flitmig_http';
REVOKE ALL ON FUNCTION flitmig._http(text, text, text, text, integer, integer, integer) FROM PUBLIC;
COMMENT ON FUNCTION flitmig._http(text, text, text, text, integer, integer, integer) IS 'Sends one request so many times over one pool of connections and shows the answers; superusers only. With per_minute, calls are paced as a run does it. method is GET, POST, FILE (body: path of a file, sent as multipart) or PUT (path: whole URL, body: path of a file)';

CREATE FUNCTION flitmig._bucket_simulate(max_tokens integer, window_ms integer, jitter_ms integer, calls integer, latency_ms integer,
	start_tokens integer DEFAULT 1000000, share integer DEFAULT 100, service_ms integer DEFAULT 0, workers double precision DEFAULT 0, counted_late boolean DEFAULT false, OUT accepted_per_minute double precision, OUT refusals bigint, OUT margin_ms double precision)
LANGUAGE c STRICT VOLATILE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'flitmig_bucket_simulate';
COMMENT ON FUNCTION flitmig._bucket_simulate(integer, integer, integer, integer, integer, integer, integer, integer, double precision, boolean) IS 'Runs the pacing of calls against Twenty''s arithmetic in simulated time: calls accepted a minute after the first max_tokens, refusals, and the margin learned. start_tokens is what the server''s bucket holds at first, share the percent of its limit that we keep to; service_ms what a call takes that is alone, workers how many calls'' work the server does at once (0: any number), counted_late whether a call''s token is taken only when its turn has come';

CREATE FUNCTION flitmig._run_simulate(max_tokens integer, window_ms integer, known boolean, tokens double precision, share integer, workers double precision,
	calls double precision[], pause_ms double precision[], service_ms double precision[], own_ms double precision[], metered double precision[]) RETURNS double precision[]
LANGUAGE c STRICT VOLATILE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'flitmig_run_simulate';
COMMENT ON FUNCTION flitmig._run_simulate(integer, integer, boolean, double precision, integer, double precision, double precision[], double precision[], double precision[], double precision[], double precision[]) IS 'Runs phases of calls in simulated time, at a limit (max_tokens 0: none) of which so many tokens are left, against a server that does the work of so many calls at once. Per phase: how many calls, our pause before them, how long a call takes when it is alone, our own work with it, and whether it takes a token (0 no, 1 yes, 2 yes, but how many there are is not known beforehand). Gives the second at which each phase is through';

CREATE FUNCTION flitmig._key_id(server text) RETURNS text
LANGUAGE c STRICT STABLE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'flitmig_key_id';
COMMENT ON FUNCTION flitmig._key_id(text) IS 'Id (not the secret) of the API key that the current user has for a server; NULL: the key does not tell';
