/* The API that both sides speak. */
#ifndef API_VERSION_H
#define API_VERSION_H

#define API_VERSION "1.44" /* the highest that is served, and that our client asks for */
#define API_VERSION_INT 144
#define API_VERSION_MIN "1.12"
#define API_VERSION_MIN_INT 112

#endif
