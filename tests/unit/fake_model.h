/* A program made by hand, for tests of commands: no core, no V8. See the table in fake_model.c. */
#ifndef AP_TESTS_FAKE_MODEL_H
#define AP_TESTS_FAKE_MODEL_H

#include "model/model.h"

/* References of its values: tagged words, as a core's are. */
enum {
	FAKE_DOG = 0x1001,
	FAKE_TAGS = 0x1101,
	FAKE_FUNCTION = 0x1201,
	FAKE_MAP = 0x1301,
	FAKE_ERROR = 0x1401,
	FAKE_NAME = 0x1501,
	FAKE_EVIL = 0x1601,
	FAKE_X = 0x1701,
};

struct ap_model *fake_model(void);

#endif
