// A person's way through an application, with node-postgres. docs/clients/node-postgres.md shows the parts between
// "[...]" and "[end]"; tests/tap/clients.t runs it all, through PgBouncer, with mails by examples/mailer.py.

// [pool]
import pg from "pg";

const pool = new pg.Pool({ user: "web" }); // a member of roughly_app; PGHOST and the rest say where

// One row of one statement; without a transaction around it, it is one of its own.
async function row(text, values, db = pool) {
  return (await db.query(text, values)).rows[0];
}
// [end]

// [asUser]
class NotLoggedIn extends Error {}

// Runs work(db, session) in one transaction as the person whose token it is.
async function asUser(token, work) {
  const db = await pool.connect();
  let broken = false;
  try {
    await db.query("BEGIN");
    const session = await row("SELECT * FROM roughly_authenticate($1)", [token], db);
    if (session.user_id === null) throw new NotLoggedIn();
    const result = await work(db, session);
    await db.query("COMMIT");
    return result;
  } catch (error) {
    await db.query("ROLLBACK").catch(() => { broken = true; });
    throw error;
  } finally {
    db.release(broken);
  }
}
// [end]

// [register]
async function register(email, password) {
  const { status, reasons } = await row("SELECT * FROM roughly_register_user($1, $2)", [email, password]);
  return status === "weak_password" ? `${status}: ${reasons}` : status; // check_email, whoever has the address
}

// The page behind the mailed link asks for the password, so that what somebody else chose for this address is dropped.
async function confirm(token, password) {
  return (await row("SELECT * FROM roughly_confirm_user($1, $2)", [token, password])).status;
}
// [end]

// [logIn]
async function logIn(email, password, request) {
  const opened = await row("SELECT * FROM roughly_log_in($1, $2, $3, $4)", [email, password, request.userAgent, request.ip]);
  switch (opened.status) {
    case "ok": return { cookie: opened.session_token, expires: opened.expires_at };
    case "mfa_required": return { askForCode: opened.session_token }; // roughly_log_in_with_code
    default: return { problem: opened.status }; // invalid_credentials, throttled, banned, busy
  }
}

async function logOut(token) {
  await pool.query("SELECT roughly_log_out($1)", [token]);
}
// [end]

// [renew]
// Once per request that shows a page: a new cookie when it is time for one, else null.
async function renew(token) {
  const due = await asUser(token, async (db, session) => session.reissue);
  return due ? row("SELECT new_token AS cookie, expires_at AS expires FROM roughly_reissue_session($1)", [token]) : null;
}
// [end]

// [profile]
async function saveProfile(token, profile) {
  await asUser(token, (db) => db.query("SELECT roughly_set_profile($1)", [profile]));
}

async function profileOf(token) { // row-level security leaves one's own row
  return asUser(token, (db) => row("SELECT birth_year, country FROM roughly.user_profiles", [], db));
}
// [end]

// [vote]
async function vote(token, question, choice) {
  try {
    await asUser(token, (db) => db.query("SELECT roughly_cast_vote($1, $2)", [question, choice])); // and nothing else
    return "counted soon";
  } catch (error) {
    if (error.code === "23505" && error.constraint === "votes_pkey") return "answered before";
    if (error.code === "55000") return "not open";
    if (error.code === "42501") return "confirm your address first";
    throw error;
  }
}

async function answers(token) {
  return asUser(token, async (db) => (await db.query("SELECT prompt, choice FROM roughly_my_answers()")).rows);
}
// [end]

// [results]
async function results(question, by = []) { // no log-in needed
  return (await pool.query("SELECT slice, choice, votes, respondents FROM roughly_aggregate($1, $2)", [question, by])).rows;
}
// [end]

// [publish]
// What a scheduler does every minute, with a role that is a member of roughly_admin. Not in a transaction: it commits.
async function publish(admin) {
  await admin.query("CALL roughly_publish_due()");
}
// [end]

import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const { EMAIL: email, QUESTION: question, MAIL_DIR: folder } = process.env;
const password = "correct horse battery staple";
const print = (what, saw) => console.log(`${what}: ${saw}`);

async function mailedToken(recipient, kind) {
  for (let tries = 0; tries < 200; tries++, await sleep(100))
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".eml"))) {
      const mail = readFileSync(`${folder}/${file}`, "utf8");
      const token = mail.match(new RegExp(`/${kind}/(\\S+)`))?.[1];
      if (token && mail.includes(`To: ${recipient}`)) return token;
    }
  throw new Error(`no mail for ${recipient}`);
}

print("register", await register(email, "password"));
print("register", await register(email, password));
print("confirm", await confirm(await mailedToken(email, "confirm"), password));
const wrong = await logIn(email, "not the password at all", {});
print("wrong password", wrong.problem);
const { cookie } = await logIn(email, password, { userAgent: "flow", ip: "192.0.2.1" });
print("renewed", (await renew(cookie)) ? "yes" : "not yet");
await saveProfile(cookie, { country: "NL", birth_year: 1990 });
print("profile", Object.values(await profileOf(cookie)).join(" "));
print("vote", await vote(cookie, question, "spaces"));
print("second vote", await vote(cookie, question, "tabs"));
print("answers", (await answers(cookie)).map((a) => `${a.prompt} ${a.choice}`).join(", "));
print("results", (await results(question)).length);
const admin = new pg.Pool({ user: "pollster" });
await publish(admin);
print("results", (await results(question)).map((r) => `${r.choice} ${r.votes}/${r.respondents}`).join(", "));
await logOut(cookie);
print("logged out", await answers(cookie).catch((error) => (error instanceof NotLoggedIn ? "yes" : error)));
await pool.end();
await admin.end();
