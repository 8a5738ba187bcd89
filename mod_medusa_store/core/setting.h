/* setting.h: what the values of directives are, as far as their text alone tells. */
#ifndef MS_CORE_SETTING_H
#define MS_CORE_SETTING_H

#include <apr_time.h>

/** Read a whole decimal number, with or without a sign; 0 if the text is anything else, or does not fit. */
int ms_setting_number(apr_int64_t *value, const char *text);

/** Read a duration: a whole number, then ms, s (or nothing), mi (or min), h; in any case. 0 if the text is anything else, or does not
 *  fit; what is negative is no duration. */
int ms_setting_duration(apr_interval_time_t *value, const char *text);

/** Read "10/5mi": a number, and the duration in which it counts. 0 if the text is anything else, or does not fit. */
int ms_setting_rate(apr_int64_t *count, apr_interval_time_t *period, const char *text);

/** 1 if the text is scheme://host[:port], as a browser writes an origin. */
int ms_setting_origin(const char *text);

/** 1 if it is the path of a page on this host, or the whole http(s) address of one; with nothing in it that a header can't carry as it
 *  is. */
int ms_setting_address(const char *text);

/** 1 if it is the path where the API begins as httpd sees paths: with a slash at its beginning, without // or /. */
int ms_setting_base(const char *text);

/** 1 if it is a name that a cookie can have (RFC 6265, 4.1.1). */
int ms_setting_cookie(const char *text);

#endif
