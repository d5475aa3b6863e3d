/* The records that table.c lists, one or a few per file of cmd/. */
#ifndef AP_CMD_COMMANDS_H
#define AP_CMD_COMMANDS_H

#include "cmd/cmd.h"

extern const struct ap_cmd ap_cmd_report;
extern const struct ap_cmd ap_cmd_bt, ap_cmd_jsframe;
extern const struct ap_cmd ap_cmd_frame, ap_cmd_up, ap_cmd_down;
extern const struct ap_cmd ap_cmd_locals;
extern const struct ap_cmd ap_cmd_scope;
extern const struct ap_cmd ap_cmd_source;
extern const struct ap_cmd ap_cmd_print, ap_cmd_llnode_inspect, ap_cmd_llnode_print;
extern const struct ap_cmd ap_cmd_info;
extern const struct ap_cmd ap_cmd_jsconstructor, ap_cmd_jsfunction, ap_cmd_jsarray;
extern const struct ap_cmd ap_cmd_heap, ap_cmd_objects, ap_cmd_instances, ap_cmd_refs;
extern const struct ap_cmd ap_cmd_functions, ap_cmd_strings;
extern const struct ap_cmd ap_cmd_handles, ap_cmd_requests, ap_cmd_timers, ap_cmd_promises;
extern const struct ap_cmd ap_cmd_threads;
extern const struct ap_cmd ap_cmd_env;
extern const struct ap_cmd ap_cmd_mappings;
extern const struct ap_cmd ap_cmd_registers;
extern const struct ap_cmd ap_cmd_nodebuffer;
extern const struct ap_cmd ap_cmd_profile;
extern const struct ap_cmd ap_cmd_v8function, ap_cmd_v8context, ap_cmd_v8scopeinfo;
extern const struct ap_cmd ap_cmd_v8str, ap_cmd_v8type, ap_cmd_v8whatis, ap_cmd_v8array,
	ap_cmd_v8internal;
extern const struct ap_cmd ap_cmd_v8print;
extern const struct ap_cmd ap_cmd_v8types, ap_cmd_v8frametypes, ap_cmd_v8classes, ap_cmd_v8field,
	ap_cmd_v8code;
extern const struct ap_cmd ap_cmd_v8warnings, ap_cmd_v8load, ap_cmd_load;
extern const struct ap_cmd ap_cmd_settings_colour, ap_cmd_settings_padding;
extern const struct ap_cmd ap_cmd_classes, ap_cmd_dominators, ap_cmd_retained, ap_cmd_why,
	ap_cmd_paths;
extern const struct ap_cmd ap_cmd_suspects, ap_cmd_duplicates, ap_cmd_variables, ap_cmd_diff;
extern const struct ap_cmd ap_cmd_heapsnapshot;
extern const struct ap_cmd ap_cmd_help, ap_cmd_dcmds;
extern const struct ap_cmd ap_cmd_quit;
extern const struct ap_cmd ap_cmd_examine, ap_cmd_memory, ap_cmd_formats;
extern const struct ap_cmd ap_cmd_assign, ap_cmd_vars, ap_cmd_nonzero_vars, ap_cmd_unset;
extern const struct ap_cmd ap_cmd_radix, ap_cmd_width, ap_cmd_prompt, ap_cmd_set;
extern const struct ap_cmd ap_cmd_eval, ap_cmd_source_file, ap_cmd_cat, ap_cmd_echo;
extern const struct ap_cmd ap_cmd_head, ap_cmd_map, ap_cmd_grep;
extern const struct ap_cmd ap_cmd_walk, ap_cmd_walkers;
extern const struct ap_cmd ap_cmd_native_stack, ap_cmd_native_stack_pointers, ap_cmd_thread_ids;
extern const struct ap_cmd ap_cmd_load_objects, ap_cmd_nm, ap_cmd_whatis;
extern const struct ap_cmd ap_cmd_dump, ap_cmd_ugrep, ap_cmd_dis;
extern const struct ap_cmd ap_cmd_fpregs, ap_cmd_stackregs, ap_cmd_question;
extern const struct ap_cmd ap_cmd_dem, ap_cmd_demangling, ap_cmd_typeset, ap_cmd_symbol_distance;
extern const struct ap_cmd ap_cmd_version, ap_cmd_which, ap_cmd_dmods, ap_cmd_unload;
extern const struct ap_cmd ap_cmd_log, ap_cmd_log_dollar;
extern const struct ap_cmd ap_cmd_rows_head, ap_cmd_rows_tail, ap_cmd_rows_where, ap_cmd_rows_sort;
extern const struct ap_cmd ap_cmd_rows_select, ap_cmd_rows_count;
extern const struct ap_cmd ap_cmd_attach, ap_cmd_release;
extern const struct ap_cmd ap_cmd_types, ap_cmd_umem, ap_cmd_findleaks, ap_cmd_control;

#endif
