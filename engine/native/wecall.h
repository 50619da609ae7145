/* What the handset asks of the library beyond its bindings. Nothing outside this folder knows how a structure is laid
   out: the compiler does. */
#ifndef WECALL_H
#define WECALL_H

#include <stdint.h>

#define WECALL __attribute__((visibility("default"), used))

int wecall_carry(int16_t *frame, unsigned count, unsigned rate_hz);

#endif
