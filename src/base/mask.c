#include "base/mask.h"

#include <ctype.h>
#include <strings.h>

#define MASK "***"

/* Anywhere in a name: these words mean nothing else. */
static const char *const secret_parts[] = {
	"token",     "password",      "passwd",           "passphrase",
	"secret",    "authorization", "cookie",           "credential",
	"apikey",    "api_key",       "privatekey",       "private_key",
	"accesskey", "signature",     "connectionstring", "connection_string",
};

/* As one word of a name: as part of another word (keyboard, passenger, author) they are harmless.
 */
static const char *const secret_words[] = {
	"key", "keys", "pwd", "pass", "auth", "jwt",   "pat",
	"pin", "cvv",  "cvc", "ssn",  "dsn",  "creds",
};

/* Names whose words would match although everybody may know the value. */
static const char *const harmless_names[] = {
	"pwd", "oldpwd", "ssh_auth_sock", "git_askpass", "ssh_askpass", "xauthority",
};

/* Prefixes of tokens that their makers made recognisable. */
static const char *const secret_prefixes[] = {
	"ghp_",  "gho_",  "ghs_",  "ghu_", "github_pat_", "glpat-",   "xoxb-",
	"xoxp-", "xoxa-", "xapp-", "sk-",  "sk_live_",    "sk_test_", "rk_live_",
	"npm_",  "AKIA",  "ASIA",  "AIza", "SG.",         "eyJ",
};

static bool contains_ci(struct ap_text text, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= text.n; i++) {
		if (strncasecmp(text.s + i, part, n) == 0)
			return true;
	}
	return false;
}

bool ap_mask_name(struct ap_text name)
{
	for (size_t i = 0; i < sizeof(harmless_names) / sizeof(harmless_names[0]); i++) {
		if (strlen(harmless_names[i]) == name.n &&
		    strncasecmp(harmless_names[i], name.s, name.n) == 0)
			return false;
	}
	for (size_t i = 0; i < sizeof(secret_parts) / sizeof(secret_parts[0]); i++) {
		if (contains_ci(name, secret_parts[i]))
			return true;
	}
	for (size_t start = 0; start < name.n;) {
		size_t end = start;

		/* A word ends before '_', '-', '.', and where camelCase rises. */
		while (end < name.n && isalnum((unsigned char)name.s[end]) &&
		       !(end > start && isupper((unsigned char)name.s[end]) &&
			 islower((unsigned char)name.s[end - 1])))
			end++;
		for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
			if (strlen(secret_words[i]) == end - start &&
			    strncasecmp(secret_words[i], name.s + start, end - start) == 0)
				return true;
		}
		start = end > start ? end : start + 1;
	}
	return false;
}

static bool is_token_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == '+' ||
	       c == '/' || c == '=' || c == '~';
}

/* Bytes of a card number that begins at `s`, or 0: prefix and length of an issuer, and Luhn's sum.
 */
static size_t card_number(const char *s, size_t n)
{
	unsigned digits[19];
	size_t n_digits = 0, end = 0;

	for (size_t i = 0; i < n && n_digits < 19; i++) {
		if (isdigit((unsigned char)s[i])) {
			digits[n_digits++] = (unsigned)(s[i] - '0');
			end = i + 1;
		} else if ((s[i] != ' ' && s[i] != '-') ||
			   (i && !isdigit((unsigned char)s[i - 1]))) {
			break;
		}
	}
	if (n_digits < 13 || (end < n && isalnum((unsigned char)s[end])))
		return 0;
	unsigned two = digits[0] * 10 + digits[1];
	bool issuer = digits[0] == 4           ? n_digits == 13 || n_digits == 16 || n_digits == 19
		      : two >= 51 && two <= 55 ? n_digits == 16
		      : two >= 22 && two <= 27 ? n_digits == 16
		      : two == 34 || two == 37 ? n_digits == 15
		      : two == 36 || two == 38 ? n_digits == 14
		      : two == 35 || two == 62 || two == 65 || two == 60 ? n_digits >= 16
									 : false;
	unsigned sum = 0;
	for (size_t i = 0; i < n_digits; i++) {
		unsigned d = digits[n_digits - 1 - i] * (i % 2 + 1);

		sum += d > 9 ? d - 9 : d;
	}
	return issuer && sum % 10 == 0 ? end : 0;
}

/* "scheme://user:password@host": where the password is. */
static bool url_password(const char *s, size_t n, size_t *ret_start, size_t *ret_end)
{
	size_t colon = 0;

	if (n < 4 || memcmp(s, "://", 3) != 0)
		return false;
	for (size_t i = 3; i < n; i++) {
		if (s[i] == ':' && !colon)
			colon = i;
		if (s[i] == '@') {
			/* The last '@' before the path: a password may hold one unescaped. */
			for (size_t k = i + 1; k < n && !strchr("/?# \t\r\n\"'", s[k]); k++) {
				if (s[k] == '@')
					i = k;
			}
			*ret_start = colon + 1;
			*ret_end = i;
			return colon != 0;
		}
		if (strchr("/?# \t\r\n\"'", s[i]))
			return false;
	}
	return false;
}

/* Bytes of a self-evident token at `s`, or 0. */
static size_t known_token(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof(secret_prefixes) / sizeof(secret_prefixes[0]); i++) {
		size_t prefix = strlen(secret_prefixes[i]), end = prefix;

		/* Only behind a prefix: a megabyte of "a-a-a-" would be read from each of its
		 * words. */
		if (n < prefix || memcmp(s, secret_prefixes[i], prefix) != 0)
			continue;
		while (end < n && is_token_char(s[end]))
			end++;
		if (end >= prefix + 12)
			return end;
	}
	return 0;
}

/* "Bearer xyz": bytes up to the credential, or 0. */
static size_t auth_scheme(const char *s, size_t n)
{
	static const char *const schemes[] = {"Bearer ", "Basic ", "Digest ", "Negotiate "};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t len = strlen(schemes[i]);

		if (n > len + 7 && strncasecmp(s, schemes[i], len) == 0 && is_token_char(s[len]))
			return len;
	}
	return 0;
}

/* "-----BEGIN ... PRIVATE KEY-----": bytes of the whole block, or 0. */
static size_t private_key(const char *s, size_t n)
{
	static const char begin[] = "-----BEGIN ", end[] = "-----END ";

	if (n < sizeof(begin) || memcmp(s, begin, sizeof(begin) - 1) != 0)
		return 0;
	const char *word = memmem(s, n < 80 ? n : 80, "PRIVATE KEY", 11);
	if (!word)
		return 0;
	const char *tail = memmem(s, n, end, sizeof(end) - 1);
	const char *close = tail ? memmem(tail + 9, n - (size_t)(tail + 9 - s), "-----", 5) : NULL;
	return close ? (size_t)(close + 5 - s) : n;
}

void ap_mask_value(struct ap_str *str, struct ap_text name, struct ap_text value)
{
	if (name.n && value.n && ap_mask_name(name)) {
		ap_str_adds(str, MASK);
		return;
	}
	size_t done = 0;
	for (size_t i = 0; i < value.n;) {
		const char *s = value.s + i;
		size_t left = value.n - i;
		bool at_word = i == 0 || !isalnum((unsigned char)s[-1]);
		size_t keep = 0, drop = 0, start, end;

		if (*s == ':' && url_password(s, left, &start, &end)) {
			keep = start;
			drop = end - start;
		} else if (at_word && isdigit((unsigned char)*s)) {
			drop = card_number(s, left);
		} else if (at_word && (keep = auth_scheme(s, left)) != 0) {
			while (keep + drop < left && is_token_char(s[keep + drop]))
				drop++;
		} else if (at_word) {
			drop = known_token(s, left);
			if (!drop)
				drop = private_key(s, left);
		}
		if (!drop) {
			i++;
			continue;
		}
		ap_str_add(str, value.s + done, i + keep - done);
		ap_str_adds(str, MASK);
		i += keep + drop;
		done = i;
	}
	ap_str_add(str, value.s + done, value.n - done);
}

/* Bytes of a value that begins at `s`: a quoted text, else up to what ends an item. */
static size_t item_bytes(const char *s, size_t n)
{
	size_t end = 0;

	if (n && (*s == '"' || *s == '\'' || *s == '`')) {
		for (end = 1; end < n && s[end] != *s; end++)
			end += s[end] == '\\' && end + 1 < n;
		return end < n ? end + 1 : n;
	}
	/* A list or an object goes as a whole. */
	int depth = 0;
	for (; end < n; end++) {
		if (strchr("{[(", s[end]))
			depth++;
		else if (strchr("}])", s[end]) && depth-- == 0)
			break;
		else if (!depth && strchr(",;&\n", s[end]))
			break;
	}
	return end;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '$' || c == '#';
}

void ap_mask_preview(struct ap_str *str, struct ap_text preview)
{
	AP_STR_AUTO named = {0};
	size_t done = 0;

	for (size_t i = 0; i < preview.n;) {
		size_t end = i, at;

		if (!is_name_char(preview.s[i])) {
			i++;
			continue;
		}
		while (end < preview.n && is_name_char(preview.s[end]))
			end++;
		/* "name", 'name' => and name: alike. */
		at = end;
		if (at < preview.n && (preview.s[at] == '"' || preview.s[at] == '\''))
			at++;
		while (at < preview.n && preview.s[at] == ' ')
			at++;
		bool arrow = at + 1 < preview.n && preview.s[at] == '=' && preview.s[at + 1] == '>';
		bool assigns = at < preview.n && (preview.s[at] == ':' || preview.s[at] == '=');
		if (assigns && ap_mask_name((struct ap_text){preview.s + i, end - i})) {
			at += arrow ? 2 : 1;
			while (at < preview.n && preview.s[at] == ' ')
				at++;
			size_t bytes = item_bytes(preview.s + at, preview.n - at);
			if (bytes) {
				ap_str_add(&named, preview.s + done, at - done);
				ap_str_adds(&named, MASK);
				done = end = at + bytes;
			}
		}
		i = end;
	}
	ap_str_add(&named, preview.s + done, preview.n - done);
	ap_mask_value(str, (struct ap_text){0}, (struct ap_text){named.s ? named.s : "", named.n});
}

void ap_mask_assignment(struct ap_str *str, struct ap_text assignment)
{
	const char *equals = memchr(assignment.s, '=', assignment.n);
	struct ap_text name = {assignment.s, equals ? (size_t)(equals - assignment.s) : 0};

	if (!equals) {
		ap_mask_value(str, (struct ap_text){0}, assignment);
		return;
	}
	ap_str_add(str, assignment.s, name.n + 1);
	ap_mask_value(str, name, (struct ap_text){equals + 1, assignment.n - name.n - 1});
}

void ap_mask_word(struct ap_str *str, struct ap_text previous, struct ap_text word)
{
	bool option = word.n && word.s[0] == '-';
	bool after_option =
		previous.n > 1 && previous.s[0] == '-' && !memchr(previous.s, '=', previous.n);

	if (after_option && !option)
		ap_mask_value(str, previous, word);
	else
		ap_mask_assignment(str, word);
}

void ap_mask_command_line(struct ap_str *str, const char *const *argv, bool show_secrets)
{
	struct ap_text previous = {0};

	for (; argv && *argv; argv++) {
		AP_STR_AUTO word = {0};
		struct ap_text raw = ap_text_of(*argv);

		if (show_secrets)
			ap_str_add(&word, raw.s, raw.n);
		else
			ap_mask_word(&word, previous, raw);
		if (previous.s)
			ap_str_addc(str, ' ');
		previous = raw;
		if (word.n && !strpbrk(word.s, " \t\n'\"\\$`;&|<>()?[]{}!#~")) {
			ap_str_add(str, word.s, word.n);
			continue;
		}
		ap_str_addc(str, '\'');
		for (size_t i = 0; i < word.n; i++) {
			if (word.s[i] == '\'')
				ap_str_adds(str, "'\\''");
			else
				ap_str_addc(str, word.s[i]);
		}
		ap_str_addc(str, '\'');
	}
}
