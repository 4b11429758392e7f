/* The default profile, as JSON text. Its compiler is declared in native.h. */
#ifndef EXECDRIVER_NATIVE_SECCOMP_H
#define EXECDRIVER_NATIVE_SECCOMP_H

extern const char seccomp_default_profile[];

#endif
