// Asking the probe, with a limit on how long it may take. Where a token is asked for, the browser has given it with the page.

const PATIENCE = 5000;

/** Why there is no answer: `status` 0 is silence, else HTTP's; `message` is the probe's own reason. */
export class NoAnswer extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The JSON of a GET. */
export async function ask(path, words = {}) {
  const query = new URLSearchParams(Object.entries(words).filter(([, value]) => value !== "" && value !== null && value !== undefined));
  const headers = { Accept: "application/json" };
  let response;
  try {
    const url = query.size > 0 ? `${path}?${query}` : path;
    response = await fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  } catch (error) {
    throw new NoAnswer(0, error.name === "TimeoutError" ? "the probe takes too long" : "the probe does not answer");
  }
  let body = null;
  try {
    body = await response.json();
  } catch {
    throw new NoAnswer(response.status || 0, "what answers is not the probe");
  }
  if (!response.ok) throw new NoAnswer(response.status, sentence(body, response.status));
  return body;
}

function sentence(body, status) {
  if (status === 401) return "the probe asks for its token: load this page anew and give it as the password";
  const said = typeof body?.error === "string" ? body.error : `the probe answers with status ${status}`;
  return Array.isArray(body?.possible) ? `${said}; possible: ${body.possible.join(", ")}` : said;
}
