#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <sys/eventfd.h>

/* The macros of <sys/eventfd.h> are an enumeration that Swift's module of the C library leaves out. */
static inline int waybill_event_descriptor(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/* rd_kafka_producev is variadic, which Swift cannot call. The body and the key are copied; the headers become the library's when it returns no error. */
static inline rd_kafka_resp_err_t waybill_kafka_produce(
    rd_kafka_t *producer, rd_kafka_topic_t *topic, const void *key, size_t key_length, const void *body, size_t body_length, rd_kafka_headers_t *headers,
    void *opaque) {
    return rd_kafka_producev(
        producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_length),
        RD_KAFKA_V_VALUE((void *)body, body_length), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
}
