/* A shared library that does nothing but take BYTES of the static TLS that libc keeps for libraries
   which are loaded late; it is compiled with -ftls-model=initial-exec. */
__thread char regress_static_tls[BYTES] __attribute__((aligned(8)));

char* regress_static_tls_start(void);
char* regress_static_tls_start(void) { return regress_static_tls; }
