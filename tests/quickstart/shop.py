# SPDX-License-Identifier: Apache-2.0
"""A small shop that is open: four tables, and a stream of statements that customers and clerks cause.

The statements are seeded, so that a run can be repeated; they hold the things that break copies: emoji and
quotes, NULLs and empty strings, decimals, microseconds, binary, changed keys, deletes, rolled back work.
"""

from __future__ import annotations

import random

SCHEMA = """
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;
CREATE TABLE customers (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  email VARCHAR(120) NOT NULL,
  name VARCHAR(80) NOT NULL,
  note TEXT NULL,
  avatar VARBINARY(64) NULL,
  created TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) COMMENT 'who buys';
CREATE TABLE products (
  sku VARCHAR(24) NOT NULL PRIMARY KEY,
  title VARCHAR(200) CHARACTER SET latin1 NOT NULL,
  price DECIMAL(12,2) NOT NULL,
  weight DOUBLE NULL,
  tags SET('new','sale','heavy','fragile') NOT NULL DEFAULT '',
  active TINYINT NOT NULL DEFAULT 1
);
CREATE TABLE orders (
  id BIGINT NOT NULL PRIMARY KEY,
  customer_id BIGINT UNSIGNED NOT NULL,
  status ENUM('open','paid','sent','lost') NOT NULL,
  placed DATETIME(6) NOT NULL,
  due DATE NULL,
  pickup TIME NULL,
  total DECIMAL(14,2) NOT NULL DEFAULT 0
);
CREATE TABLE order_items (
  order_id BIGINT NOT NULL,
  line SMALLINT UNSIGNED NOT NULL,
  sku VARCHAR(24) NOT NULL,
  amount INT NOT NULL,
  price DECIMAL(12,2) NOT NULL,
  PRIMARY KEY (order_id, line)
);
"""

TABLES = ("customers", "products", "orders", "order_items")

NAMES = ("Ada", "Björn", "Chloë", "大輔", "Émile", "O'Hara", 'Jo "Joe" Li', "Ørsted", "Ng\\uyen", "🦊 Fox")
NOTES = ("", "rings twice", "line\none and\ttwo", "likes 🍋 & 'limes'", "back\\slash", "{\"vip\": true}", None)


def literal(value: object) -> str:
    """A value as SQL text."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


class Shop:
    """Makes the statements, and remembers just enough to make sensible ones."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._customer = 0
        self._order = 0
        self._skus: list[str] = []
        self._orders: list[int] = []

    def opening(self) -> list[str]:
        """The transactions that fill the shelves."""
        statements = [self._new_customer() for _ in range(200)]
        statements += [self._new_product() for _ in range(120)]
        return ["\n".join(statements)]

    def transaction(self) -> str:
        """One transaction, as SQL text."""
        pick = self._random.random()
        if pick < 0.50:
            body = self._place_order()
        elif pick < 0.70:
            body = self._serve_order()
        elif pick < 0.80:
            body = self._drop_order()
        elif pick < 0.87:
            body = self._new_customer()
        elif pick < 0.93:
            body = self._reprice()
        elif pick < 0.96:
            body = self._rename_sku()
        elif pick < 0.98:
            return f"BEGIN; {self._new_customer()} ROLLBACK;"
        else:
            body = "\n".join(self._place_order() for _ in range(40))
        return f"BEGIN; {body} COMMIT;"

    def _new_customer(self) -> str:
        self._customer += 1
        rnd = self._random
        avatar = rnd.choice([None, b"", bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 40)))])
        return (f"INSERT INTO customers (id, email, name, note, avatar) VALUES ({self._customer}, "
                f"{literal(f'c{self._customer}@example.org')}, {literal(rnd.choice(NAMES))}, "
                f"{literal(rnd.choice(NOTES))}, {literal(avatar)});")

    def _new_product(self) -> str:
        rnd = self._random
        sku = f"SKU-{len(self._skus):05d}"
        self._skus.append(sku)
        weight = rnd.choice([None, 0.5, 1e-3, round(rnd.uniform(0, 90), 3)])
        tags = ",".join(tag for tag in ("new", "sale", "heavy", "fragile") if rnd.random() < 0.3)
        return (f"INSERT INTO products (sku, title, price, weight, tags) VALUES ({literal(sku)}, "
                f"{literal(rnd.choice(['Crème brûlée torch', 'Tea £5', 'Hammer', 'Schlüssel']))}, "
                f"{rnd.randrange(1, 99999) / 100:.2f}, {literal(weight)}, {literal(tags)});")

    def _place_order(self) -> str:
        rnd = self._random
        self._order += 1
        self._orders.append(self._order)
        pickup = rnd.choice(["NULL", "'09:30:00'", "'-01:00:00'", "'100:59:59'"])
        parts = [f"INSERT INTO orders (id, customer_id, status, placed, due, pickup) VALUES ({self._order}, "
                 f"{rnd.randrange(1, self._customer + 1)}, 'open', NOW(6), "
                 f"{rnd.choice(['NULL', 'CURDATE()'])}, {pickup});"]
        for line in range(1, rnd.randrange(2, 6)):
            parts.append(f"INSERT INTO order_items VALUES ({self._order}, {line}, {literal(rnd.choice(self._skus))}, "
                         f"{rnd.randrange(1, 9)}, {rnd.randrange(1, 99999) / 100:.2f});")
        parts.append("UPDATE orders SET total = (SELECT SUM(amount * price) FROM order_items "
                     f"WHERE order_id = {self._order}) WHERE id = {self._order};")
        return " ".join(parts)

    def _some_order(self) -> int:
        return self._random.choice(self._orders) if self._orders else 0

    def _serve_order(self) -> str:
        status = self._random.choice(("paid", "sent", "lost"))
        return f"UPDATE orders SET status = '{status}' WHERE id = {self._some_order()};"

    def _drop_order(self) -> str:
        order = self._some_order()
        if order in self._orders:
            self._orders.remove(order)
        return f"DELETE FROM order_items WHERE order_id = {order}; DELETE FROM orders WHERE id = {order};"

    def _reprice(self) -> str:
        return (f"UPDATE products SET price = IF(price > 5000, price / 50, price * 1.1), active = 1 - active "
                f"WHERE sku >= {literal(self._random.choice(self._skus))} LIMIT 20;")

    def _rename_sku(self) -> str:
        old = self._random.randrange(len(self._skus))
        new = f"SKU-{old:05d}-{self._random.randrange(1000)}"
        text = f"UPDATE products SET sku = {literal(new)} WHERE sku = {literal(self._skus[old])};"
        self._skus[old] = new
        return text
