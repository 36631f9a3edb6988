"""Spoken commands to a house, drawn from the sentence templates of a voice assistant.

A *block* is what the authors wrote at one go: the templates of one intent, for one combination of
what is named in it, such as the lights of an area. It is the unit. Names of rooms and devices, and
what a reminder or a list holds, are not in the package, since every house has its own: ours are
invented, and stand below.
"""

from __future__ import annotations

import json
from functools import cache as memoised
from typing import Any

import pandas as pd

from illusionkit.data import tables
from illusionkit.data.templates import Grammar
from illusionkit.data.unit_copies import normalise
from illusionkit.errors import DataError

SOURCES = {
    "commands": ("home_assistant", ("english",)),
    "commands_chinese": ("home_assistant", ("chinese",)),
}
"""The archive and the member behind each table."""

INTENTS = (
    "HassCancelTimer", "HassDecreaseTimer", "HassGetState", "HassIncreaseTimer", "HassLightSet",
    "HassPauseTimer", "HassStartTimer", "HassTimerStatus", "HassTurnOff", "HassTurnOn",
    "HassUnpauseTimer",
)  # fmt: skip
"""The intents of six blocks or more in both languages; the label is the place in this list."""

DRAWN = 8
"""The most sentences that are drawn from one template."""

ENGLISH = {
    "area": ("kitchen", "bedroom", "bathroom", "office", "garage", "hallway", "nursery", "attic"),
    "floor": ("ground", "first", "second", "upper"),
    "name": ("desk lamp", "heater", "coffee machine", "printer", "radio", "aquarium", "doorbell"),
    "zone": ("school", "work", "the gym"),
    "timer_name": ("pasta", "laundry", "tea", "bread"),
    "timer_command": ("open the curtains", "turn off the radio", "lock the gate"),
    "message": ("dinner is ready",),
    "search_query": ("jazz",),
    "shopping_list_item": ("apples",),
    "todo_list_item": ("water the plants",),
}
CHINESE = {
    "area": ("厨房", "卧室", "浴室", "书房", "车库", "走廊", "儿童房", "阁楼"),
    "floor": ("一", "二", "三", "顶"),
    "name": ("台灯", "暖气", "咖啡机", "打印机", "收音机", "鱼缸", "门铃"),
    "zone": ("学校", "公司", "健身房"),
    "timer_name": ("煮面", "洗衣", "泡茶", "面包"),
    "timer_command": ("拉开窗帘", "关掉收音机", "锁上大门"),
    "message": ("吃饭了",),
    "search_query": ("爵士乐",),
    "shopping_list_item": ("苹果",),
    "todo_list_item": ("浇花",),
}
WORDS = {"commands": ENGLISH, "commands_chinese": CHINESE}
"""What we put where the templates leave a place for the words of a house."""


def commands(part: str = "book") -> pd.DataFrame:
    """Return English commands, up to eight sentences of each template, none of them twice.

    Columns: ``text``; ``label``, 0 to 10 by `INTENTS`; ``unit``, the block; ``template``, its
    number; ``turn``, 0 to 7, which of its template's sentences it is.
    Source: home-assistant-intents 2026.10.27, Apache-2.0. Used in chapter 6.
    """
    return tables.one_part(_drawn("commands"), part)


def commands_chinese(part: str = "book") -> pd.DataFrame:
    """Return Chinese commands, the same intents and columns as `commands`.

    Source: home-assistant-intents 2026.10.27, Apache-2.0. Used in chapter 6.
    """
    return tables.one_part(_drawn("commands_chinese"), part)


@memoised
def _drawn(data: str) -> pd.DataFrame:
    source, (member,) = SOURCES[data]
    try:
        shipped = json.loads(tables.text(source, member))
    except ValueError as error:
        raise DataError(f"{data}: '{member}' is no JSON: {error}.") from error
    table = expanded(shipped, WORDS[data])
    return tables.with_part(table, data, table["block"]).drop(columns="block")


def expanded(shipped: dict[str, Any], words: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """Return the sentences of a shipped file, columns as `commands`, and ``block``, its name.

    ``words`` are the entries of the lists that the file leaves open.

    Raises
    ------
    DataError
        The file lacks its parts or an intent, or a template can't be read.
    """
    try:
        lists = {name: entries(kind) for name, kind in shipped["lists"].items()} | words
        grammar = Grammar(shipped["expansion_rules"], lists)
        blocks = [
            (label, f"{intent}:{number}", block["sentences"])
            for label, intent in enumerate(INTENTS)
            for number, block in enumerate(shipped["intents"][intent]["data"])
        ]
    except (KeyError, TypeError) as error:
        raise DataError(f"The file of templates has no {error}. Has it changed?") from error
    rows = [
        (text, label, unit, f"{block}:{place}", turn, block)
        for unit, (label, block, templates) in enumerate(blocks)
        for place, template in enumerate(templates)
        for turn, text in enumerate(grammar.sentences(template, DRAWN, f"{block}:{place}"))
    ]
    columns = ["text", "label", "unit", "template", "turn", "block"]
    table = pd.DataFrame(rows, columns=columns)
    table["template"] = pd.factorize(table["template"])[0]
    return table[~table["text"].map(normalise).duplicated()].reset_index(drop=True)


def entries(kind: dict[str, Any]) -> tuple[str, ...]:
    """Return what a shipped list may be: its values, its numbers, or nothing where it is open."""
    if "range" in kind:
        numbers = kind["range"]
        return tuple(map(str, range(numbers["from"], numbers["to"] + 1, numbers.get("step", 1))))
    return tuple(value["in"] for value in kind.get("values", ()))
