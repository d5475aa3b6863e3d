/*
 * Masking of what looks secret, so that a screen, a report or JSON can be passed on.
 *
 * Ownership: results are appended to the caller's struct ap_str.
 *
 * Two grounds: the name says so (API_KEY, authorization, --db-password), or the value has the form
 * of a secret whatever its name (a password inside a URL, a card number, a bearer token, a private
 * key). What is masked is replaced by "***": neither its length nor its ends remain.
 */
#ifndef AP_BASE_MASK_H
#define AP_BASE_MASK_H

#include "base/str.h"

bool ap_mask_name(struct ap_text name);
/* `value` with its secret parts masked; all of it if `name` (may be empty) says so. */
void ap_mask_value(struct ap_str *str, struct ap_text name, struct ap_text value);
/*
 * A preview of a value, or a sentence about one: as ap_mask_value() without a name, and what
 * follows a secret's name inside of it: {user: "x", password: ***}.
 */
void ap_mask_preview(struct ap_str *str, struct ap_text preview);
/* "NAME=value" as in an environment; the name stays. */
void ap_mask_assignment(struct ap_str *str, struct ap_text assignment);
/*
 * One word of a command line; `previous` is the word before it, or empty: "--token x" masks x,
 * "--token=x" its value.
 */
void ap_mask_word(struct ap_str *str, struct ap_text previous, struct ap_text word);
/* Words joined by blanks, quoted for a shell where they need it. */
void ap_mask_command_line(struct ap_str *str, const char *const *argv, bool show_secrets);

#endif
