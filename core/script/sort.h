/* sort.h: table.sort that looks at the clock. Private to core/script.
 *
 * Sorting is the one function of table that may take long in C: a million numbers are half a second, two long strings
 * compared again and again for ever. The stock one does the work, with a comparison that ends a plugin's call when its
 * time is up (budget.h). A comparison in Lua needs no help: the hook reaches it. */
#ifndef GIFD_SCRIPT_SORT_H
#define GIFD_SCRIPT_SORT_H

#include <lua.h>

/* Puts sort in the place of the stock one, in the table on top of the stack. */
void sort_install(lua_State *L);

#endif
