'use strict';
// Which names and texts look secret, and what is shown instead. Masking errs towards hiding: a crash file travels.

const MASK = '<masked>';

// Tested on the name without separators and in lower case: DB_PASSWORD, dbPassword and db-password are one name.
const INSIDE = /password|passwd|passphrase|secret|credential|apikey|accesskey|privatekey|signingkey|encryptionkey|accountkey|connectionstring|authorization|bearer|creditcard|cardnumber/;
// Tested on the words of a name: "author" is not auth, "compass" not pass, and PWD is a directory.
const WORDS = new Set(['pass', 'token', 'tokens', 'auth', 'cookie', 'cookies', 'jwt', 'dsn', 'cvv', 'ssn', 'otp', 'sid']);

function secretName(name) {
  if (typeof name !== 'string' || name.length < 3 || name.length > 200) return false;
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase().split(/[^a-z0-9]+/);
  if (INSIDE.test(words.join(''))) return true;
  return words.some((word) => WORDS.has(word) || (word.length > 5 && /tokens?$/.test(word)));
}

// Each pattern keeps what tells a reader which secret it was and hides the rest.
const TEXTS = [
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s\/:@'"]{0,200}:)[^\s\/@'"]{1,400}(@)/gi, `$1${MASK}$2`],
  [/\b((?:Bearer|Basic)\s+)[A-Za-z0-9._~+\/=-]{8,}/g, `$1${MASK}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, MASK],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, MASK],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, MASK],
  [/\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{20,})/g, MASK],
  // "Unexpected token: x" is no secret, hence "=" alone after an unquoted token.
  [/((?:(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key)["']?\s{0,3}[=:]|token["']\s{0,3}:|token=)\s{0,3})("[^"]*"|'[^']*'|[^\s,;&"'<>)}\]]+)/gi, `$1${MASK}`],
];
const ANY = /:\/\/|Bearer|Basic|PRIVATE KEY|eyJ|AKIA|ASIA|gh[pousr]_|github_pat_|xox|sk[-_]|passw|passphrase|secret|token|key/i;

function maskText(text) {
  if (text.length < 6 || !ANY.test(text)) return text;
  for (const [pattern, shown] of TEXTS) text = text.replace(pattern, shown);
  return text;
}

function maskPair(name, text) {
  return text !== '' && secretName(name) ? MASK : maskText(text);
}

const LITERAL = /((?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key)\w{0,40}["']?\s{0,9}[=:]\s{0,9})(["'`])((?:(?!\2)[^\\\n]|\\.)+)\2/gi;

// Sources keep their length and lines: the columns of the frames point into them.
function maskSource(text) {
  if (!ANY.test(text)) return text;
  const blank = (part) => part.replace(/[^\n]/g, '*');
  text = text.replace(LITERAL, (all, name, quote, value) => name + quote + blank(value) + quote);
  for (const [pattern] of TEXTS.slice(1, 6)) text = text.replace(pattern, blank);
  return text.replace(/(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s\/:@'"`]{0,200}:)([^\s\/@'"`$]{1,400})(@)/gi, (all, head, value, at) => head + blank(value) + at);
}

// "--password=x" and "--password x" of a command line.
function maskArguments(list) {
  let hideNext = false;
  return list.map((item) => {
    const text = String(item);
    if (hideNext && !text.startsWith('-')) { hideNext = false; return MASK; }
    hideNext = false;
    const option = /^(--?[A-Za-z][\w-]*)(=?)([\s\S]*)$/.exec(text);
    if (option && secretName(option[1].replace(/^-+/, ''))) {
      if (option[2]) return `${option[1]}=${MASK}`;
      hideNext = option[3] === '';
      return text;
    }
    return maskText(text);
  });
}

function maskEnvironment(env) {
  const shown = {};
  for (const name of Object.keys(env)) shown[name] = maskPair(name, String(env[name]));
  return shown;
}

const masking = { secretName, text: maskText, pair: maskPair, source: maskSource, args: maskArguments, env: maskEnvironment };
const same = (text) => text;
const showing = {
  secretName: () => false, text: same, pair: (name, text) => text, source: same,
  args: (list) => list.map(String), env: (env) => Object.assign({}, env),
};

module.exports = { MASK, secretName, masker: (showSecrets) => (showSecrets ? showing : masking) };
