"""The load: customers who order, cancel, pay elsewhere, submit twice, ask again until they are answered, and write down every acknowledgement."""

import http.client
import json
import random
import threading
import time

# Payment method, share.
METHODS = [
    ("test_approve", 60), ("test_decline", 8), ("test_insufficient_funds", 4), ("test_timeout", 6), ("test_slow", 4), ("offline", 8),
    ("test_unheard_of", 2), ("nothing to pay", 8),
]
RANK = {"CREATED": 0, "RESERVED": 1, "PAID": 2, "SHIPPED": 3, "DELIVERED": 4, "CANCELLING": 5, "CANCELLED": 6, "FAILED": 6}
UNDONE = {"CANCELLING", "CANCELLED"}


class Unanswered(Exception):
    """No answer came as long as the customer had patience."""


class Line:
    """One customer's connection, opened again whenever it breaks."""

    def __init__(self, port, token=None):
        self.port, self.token, self.connection = port, token, None

    def ask(self, method, path, body=None, key=None, timeout=10):
        """One try: (status, object). Raises OSError or HTTPException when there is no whole answer."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        try:
            self.connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body), headers)
            answer = self.connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.connection.close()
            self.connection = None
            raise OSError(str(error)) from error


class Shop:
    """Products, customers and their memory."""

    SCARCE, SCARCE_UNITS, PLENTY = 4, 40, 30
    # A fifth lost reply within a minute opens the provider's circuit breaker, and the rest of the episode would be spent waiting for it.
    LOST_REPLIES = 4

    def __init__(self, port, seed, name="c", rate=80, customers=8, token=None):
        self.token = token
        self.port, self.seed, self.name, self.rate, self.count = port, seed, name, rate, customers
        self.orders, self.adjustments, self.violations = [], [], []
        self.refused, self.doubles = 0, 0
        self.lost_replies = self.LOST_REPLIES
        self.lock = threading.Lock()
        self.running = False
        self.deadline = None
        self.threads = []

    def facts(self):
        with self.lock:
            return {"orders": list(self.orders), "adjustments": list(self.adjustments)}

    def stock(self):
        """Makes the products; safe to repeat."""
        products = [
            {"sku": f"SCARCE-{n}", "name": "Last ones", "price": "7.25", "currency": "GBP", "availableQuantity": self.SCARCE_UNITS} for n in range(self.SCARCE)
        ] + [{"sku": f"PLENTY-{n}", "name": "Many", "price": f"{n + 1}.99", "currency": "GBP", "availableQuantity": 500_000} for n in range(self.PLENTY)]
        products.append({"sku": "FREE", "name": "Sample", "price": "0.00", "currency": "GBP", "availableQuantity": 500_000})
        status, answer = self.insist(Line(self.port, self.token), "PUT", "/inventory/products", {"products": products})
        if status >= 300:
            raise RuntimeError(f"the products could not be made: {status} {answer}")

    def open(self):
        self.running, self.deadline = True, None
        self.threads = [threading.Thread(target=self.customer, args=(number,), daemon=True) for number in range(self.count)]
        for thread in self.threads:
            thread.start()

    def close(self, patience=45):
        """No new orders; those under way are brought to an answer, as long as patience lasts."""
        self.deadline = time.monotonic() + patience
        self.running = False
        for thread in self.threads:
            thread.join()

    def insist(self, line, method, path, body=None, key=None):
        """Asks until there is an answer that says something about the request."""
        wait = 0.05
        while True:
            try:
                status, answer = line.ask(method, path, body, key)
                if status == 500:
                    self.blame("API", f"{method} {path} is answered 500")
                if status < 500 and "in-flight" not in answer.get("type", ""):
                    return status, answer
            except OSError:
                pass
            if self.deadline is not None and time.monotonic() > self.deadline:
                raise Unanswered(f"{method} {path}")
            time.sleep(wait)
            wait = min(wait * 1.5, 0.5)

    def customer(self, number):
        line, other = Line(self.port, self.token), Line(self.port, self.token)
        chance = random.Random(f"{self.seed} {self.name} {number}")
        serial = 0
        due = time.monotonic() + chance.random() * self.count / self.rate
        while self.running:
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + self.count / self.rate, time.monotonic() - 0.2)
            serial += 1
            try:
                self.visit(line, other, chance, f"{self.name}-{number}-{serial}")
            except Unanswered as silence:
                self.blame("L1", f"no answer, long after the faults had ceased: {silence}")
            except Exception as error:  # pylint: disable=broad-except
                # A customer who died of an answer nobody expected would look like one who has nothing to complain of.
                self.blame("API", f"{self.name}-{number}-{serial} cannot make sense of an answer: {error!r}")

    def visit(self, line, other, chance, key):
        """One customer's order and what comes after it."""
        if chance.random() < 0.03:
            return self.adjust(line, chance, key)
        method = chance.choices([m for m, _ in METHODS], [s for _, s in METHODS])[0]
        if method == "test_timeout" and not self.may_lose_a_reply():
            method = "test_approve"
        body = self.body(chance, method, key)
        if chance.random() < 0.05:
            status, answer = self.submit_at_once(line, other, body, key)
        else:
            status, answer = self.insist(line, "POST", "/orders", body, key)
        if status != 202:
            with self.lock:
                self.refused += 1
            if status not in (409, 422):
                self.blame("API", f"{key} was answered {status}: {answer}")
            return
        fact = {"key": key, "id": answer["id"], "told": {}}
        with self.lock:
            self.orders.append(fact)
        if chance.random() < 0.10:
            self.submit_again(line, chance, body, fact)
        self.go_on(line, chance, method, fact)

    def may_lose_a_reply(self):
        with self.lock:
            self.lost_replies -= 1
            return self.lost_replies >= 0

    def body(self, chance, method, key):
        free = method == "nothing to pay"
        skus = ["FREE"] if free else chance.sample([f"PLENTY-{n}" for n in range(self.PLENTY)], chance.randint(1, 3))
        if not free and chance.random() < 0.06:
            skus.append(f"SCARCE-{chance.randrange(self.SCARCE)}")
        return {
            "currency": "GBP", "customerId": key, "shippingCountry": chance.choice(["GB", "FR", "DE"]),
            "paymentMethod": "test_approve" if free else method, "items": [{"sku": sku, "quantity": chance.randint(1, 4)} for sku in skus],
        }

    def submit_at_once(self, line, other, body, key):
        """The same request on two connections at the same time: S11."""
        answers = []

        def ask():
            try:
                answers.append(self.insist(other, "POST", "/orders", body, key))
            except Unanswered:
                pass

        twin = threading.Thread(target=ask, daemon=True)
        twin.start()
        try:
            status, answer = self.insist(line, "POST", "/orders", body, key)
        finally:
            twin.join()
        with self.lock:
            self.doubles += 1
        for twin_status, twin_answer in answers:
            if status == 202 and twin_status == 202 and twin_answer["id"] != answer["id"]:
                self.blame("S11", f"{key} submitted twice at once is {answer['id']} and {twin_answer['id']}")
            # The one that was refused for want of stock is no acknowledgement; the other is.
            if status != 202 and twin_status == 202:
                status, answer = twin_status, twin_answer
        return status, answer

    def submit_again(self, line, chance, body, fact):
        status, answer = self.insist(line, "POST", "/orders", body, fact["key"])
        with self.lock:
            self.doubles += 1
        if status != 202 or answer["id"] != fact["id"]:
            self.blame("S11", f"{fact['key']} was {fact['id']} and is {status} {answer.get('id', answer)} when asked again")
        if chance.random() < 0.3:
            status, answer = self.insist(line, "POST", "/orders", {**body, "shippingCountry": "IT"}, fact["key"])
            if status != 422:
                self.blame("S11", f"another body under {fact['key']} is answered {status}")

    def adjust(self, line, chance, key):
        """Stock received, under a key: counted once."""
        status, answer = self.insist(line, "GET", "/inventory/products?limit=20")
        products = answer.get("items")
        if status != 200 or not products:
            return self.blame("API", f"the list of products is {status} {list(answer)}")
        reason = "received " + key
        status, _ = self.insist(
            line, "POST", f"/inventory/products/{chance.choice(products)['id']}/adjustments", {"delta": chance.randint(1, 9), "reason": reason}, key)
        if status >= 300:
            return self.blame("API", f"an adjustment is answered {status}")
        with self.lock:
            self.adjustments.append(reason)

    def go_on(self, line, chance, method, fact):
        """Cancels, pays elsewhere, ships, delivers, or just looks."""
        wish = chance.random()
        if wish < 0.12:
            return self.cancel(line, fact)
        if method == "offline":
            if self.watch(line, fact, {"RESERVED", "FAILED", "CANCELLED"}) == "RESERVED":
                if chance.random() < 0.2:
                    return self.cancel(line, fact)
                self.put(line, fact, "PAID", {"PAID", "SHIPPED", "DELIVERED"} | UNDONE)
        if wish < 0.34 and self.watch(line, fact, {"PAID", "FAILED", "CANCELLED"}) == "PAID":
            if wish < 0.16:
                return self.cancel(line, fact)
            if self.put(line, fact, "SHIPPED", {"SHIPPED", "DELIVERED"}) and wish < 0.25:
                self.put(line, fact, "DELIVERED", {"DELIVERED"})

    def cancel(self, line, fact):
        status, _ = self.insist(line, "POST", f"/orders/{fact['id']}/cancel", {}, fact["key"] + "-cancel")
        if status in (200, 202):
            fact["told"]["the cancellation"] = UNDONE
        elif status == 404:
            self.blame("S10", f"{fact['id']} was accepted and is answered 404")

    def put(self, line, fact, status, allowed):
        """An operator's change; true when it was acknowledged. Asked again after a lost answer it may be refused as done already."""
        code, _ = self.insist(line, "PUT", f"/orders/{fact['id']}/status", {"status": status})
        if code == 200:
            fact["told"][status] = allowed
        elif code == 404:
            self.blame("S10", f"{fact['id']} was accepted and is answered 404")
        return code == 200

    def watch(self, line, fact, ends, seconds=4.0):
        """Follows an order until one of these statuses, or for a while; its status never goes back (S12)."""
        end, seen = time.monotonic() + seconds, (0, "CREATED")
        while time.monotonic() < end:
            code, order = self.insist(line, "GET", f"/orders/{fact['id']}")
            if code == 404:
                self.blame("S10", f"{fact['id']} was accepted and is answered 404")
                return None
            now = (order["version"], order["status"])
            if now[0] < seen[0] or RANK[now[1]] < RANK[seen[1]] or (now[0] == seen[0] and now[1] != seen[1]):
                self.blame("S12", f"{fact['id']} went back from {seen} to {now}")
            seen = now
            if now[1] in ends:
                return now[1]
            time.sleep(0.05)
        return None

    def blame(self, promise, words):
        with self.lock:
            self.violations.append((promise, words))
