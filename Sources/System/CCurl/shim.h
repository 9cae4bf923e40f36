#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

// Swift can call no variadic function: one for each kind of value that an option has.
typedef size_t (*waybill_curl_sink)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode waybill_curl_set_long(CURL *handle, CURLoption option, long value) { return (curl_easy_setopt)(handle, option, value); }
static inline CURLcode waybill_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) { return (curl_easy_setopt)(handle, option, value); }
static inline CURLcode waybill_curl_set_text(CURL *handle, CURLoption option, const char *value) { return (curl_easy_setopt)(handle, option, value); }
static inline CURLcode waybill_curl_set_pointer(CURL *handle, CURLoption option, const void *value) { return (curl_easy_setopt)(handle, option, value); }
static inline CURLcode waybill_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) { return (curl_easy_setopt)(handle, option, value); }
static inline CURLcode waybill_curl_set_sink(CURL *handle, CURLoption option, waybill_curl_sink sink) { return (curl_easy_setopt)(handle, option, sink); }
static inline CURLcode waybill_curl_set_progress(CURL *handle, curl_xferinfo_callback callback) {
    return (curl_easy_setopt)(handle, CURLOPT_XFERINFOFUNCTION, callback);
}
static inline CURLcode waybill_curl_set_open_socket(CURL *handle, curl_opensocket_callback callback) {
    return (curl_easy_setopt)(handle, CURLOPT_OPENSOCKETFUNCTION, callback);
}

// Nothing but the web; the way to say so changed with 7.85.
static inline CURLcode waybill_curl_only_http(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075500
    return (curl_easy_setopt)(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return (curl_easy_setopt)(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static inline long waybill_curl_status(CURL *handle) {
    long status = 0;
    (curl_easy_getinfo)(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

// The bytes of the address that a connection goes to, 4 or 16; 0 for one that is of no version of IP.
static inline int waybill_curl_address(const struct curl_sockaddr *address, unsigned char bytes[16]) {
    if (address->family == AF_INET && address->addrlen >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in v4;
        memcpy(&v4, &address->addr, sizeof v4);
        memcpy(bytes, &v4.sin_addr, 4);
        return 4;
    }
    if (address->family == AF_INET6 && address->addrlen >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 v6;
        memcpy(&v6, (const void *)&address->addr, sizeof v6);
        memcpy(bytes, &v6.sin6_addr, 16);
        return 16;
    }
    return 0;
}

static inline curl_socket_t waybill_curl_open(const struct curl_sockaddr *address) {
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// Called before a request is sent, and again before libcurl sends it a second time on its own account (7.80 and newer).
static inline CURLcode waybill_curl_set_before_request(CURL *handle, curl_prereq_callback callback) {
    return (curl_easy_setopt)(handle, CURLOPT_PREREQFUNCTION, callback);
}

static inline CURLMcode waybill_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) { return (curl_multi_setopt)(multi, option, value); }

// A transfer that has come to its end, and how; NULL when there is none.
static inline CURL *waybill_curl_next_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(multi, &left); message; message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}

static inline long waybill_curl_info_long(CURL *handle, CURLINFO info) {
    long value = 0;
    (curl_easy_getinfo)(handle, info, &value);
    return value;
}
