-- Mail leaves through a sealed outbox: the application never sees a token, nor learns whether an address has an account.
CREATE TABLE roughly.mail_outbox (
  id           uuid PRIMARY KEY,
  sealed       bytea NOT NULL,
  attempts     integer NOT NULL DEFAULT 0,
  locked_until timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE roughly.mail_outbox IS 'sealed mail orders, all of one length; accounts and tokens come into being when they are dequeued';
CREATE INDEX mail_outbox_locked_until ON roughly.mail_outbox (locked_until);
ALTER TABLE roughly.mail_outbox ALTER sealed SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('roughly.mail_outbox', '');

CREATE FUNCTION roughly_dequeue_mail(batch integer DEFAULT 10, OUT id uuid, OUT kind text, OUT recipient text, OUT token text, OUT expires_at timestamptz)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_dequeue_mail(integer) IS
  'The next mails to send, at least once each: what is not reported by roughly_mail_sent comes again after 1, 2, 4 ... 64 minutes with a fresh token, ten times. kind: confirm, someone_tried, magic_link, reset_password, change_email, reauthenticate with a token; email_change_requested, email_changed, password_changed are notices. Where the file <key_file>.mailer holds the mailer''s public key (64 hexadecimal digits), the token is a crypto_box_seal for it, as base64url, so that nobody else can use it. Errors: 22023 batch not from 1 to 1000.';

CREATE FUNCTION roughly_mail_sent(id uuid) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_mail_sent(uuid) IS
  'Takes a mail out of the outbox.';
