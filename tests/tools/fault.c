/* A library that faults when it is loaded: a death in native code, on every Node, without an
 * addon's ABI. */

__attribute__((noinline)) void autopsy_test_fault(volatile int *p);

__attribute__((noinline)) void autopsy_test_fault(volatile int *p)
{
	*p = 1;
}

__attribute__((constructor)) static void autopsy_test_load(void)
{
	autopsy_test_fault((volatile int *)0x10);
}
