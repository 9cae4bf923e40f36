#include <sqlite3.h>

/* sqlite3_config is variadic, which Swift cannot call. Memory statistics would put one lock around every allocation of every connection. */
static inline int waybill_sqlite_configure(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
