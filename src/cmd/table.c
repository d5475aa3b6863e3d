/* All commands, in the order of the reference. A command that is not done is not here. */
#include "cmd/commands.h"

const struct ap_cmd *const ap_cmd_table[] = {
	/* what died */
	&ap_cmd_report,
	&ap_cmd_info,
	&ap_cmd_bt,
	&ap_cmd_jsframe,
	&ap_cmd_frame,
	&ap_cmd_up,
	&ap_cmd_down,
	&ap_cmd_locals,
	&ap_cmd_scope,
	&ap_cmd_source,
	&ap_cmd_print,
	&ap_cmd_llnode_inspect,
	&ap_cmd_llnode_print,
	/* what is in memory */
	&ap_cmd_heap,
	&ap_cmd_objects,
	&ap_cmd_instances,
	&ap_cmd_refs,
	&ap_cmd_jsconstructor,
	&ap_cmd_jsfunction,
	&ap_cmd_jsarray,
	&ap_cmd_nodebuffer,
	/* V8's layouts */
	&ap_cmd_profile,
	&ap_cmd_v8function,
	&ap_cmd_v8context,
	&ap_cmd_v8scopeinfo,
	&ap_cmd_v8print,
	&ap_cmd_v8str,
	&ap_cmd_v8type,
	&ap_cmd_v8whatis,
	&ap_cmd_v8array,
	&ap_cmd_v8internal,
	&ap_cmd_v8types,
	&ap_cmd_v8frametypes,
	&ap_cmd_v8classes,
	&ap_cmd_v8field,
	/* what was it doing */
	&ap_cmd_threads,
	/* the process */
	&ap_cmd_env,
	&ap_cmd_mappings,
	&ap_cmd_registers,
	/* the session */
	&ap_cmd_v8warnings,
	&ap_cmd_v8load,
	&ap_cmd_load,
	&ap_cmd_settings_colour,
	&ap_cmd_settings_padding,
	&ap_cmd_help,
	&ap_cmd_dcmds,
	&ap_cmd_quit,
	NULL,
};
