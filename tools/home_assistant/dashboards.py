"""The cards of fleet/home-assistant: all handsets in a table, in the words that the fleet's page has for their codes.

Home Assistant translates no state that comes by MQTT, and a handset that sent words in place of codes would send them
in one language. A markdown card is a template that somebody pastes once, and shows whatever handset comes later, too.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from contract.calls import DisconnectReason
from contract.consent import Purpose
from contract.results import OutcomeCode

_FLEET: Final = Path(__file__).resolve().parents[2] / "fleet"
FOLDER: Final = _FLEET / "home-assistant"

_PAGE_WORD: Final = re.compile(r'^  "([a-z_.]+)": "([^"\\]+)",$', flags=re.MULTILINE)

_OWN_WORDS: Final = {
    "en": {
        "heads": "Handset | State | Last call | Agreed to | Last outcome",
        "not_shared": "not shared",
        "nothing": "nothing",
        "and": ", ",
    },
    "zh": {
        "heads": "话机 | 状态 | 上次通话 | 已同意 | 上次结果",
        "not_shared": "未共享",
        "nothing": "无",
        "and": "、",
    },
}

# Entities are told apart by what they can say, since people give them other names. While the broker is away they have
# no answers among their attributes: that a holder shares nothing is said only where an answer says so.
_DASHBOARD: Final = """\
views:
  - type: panel
    cards:
      - type: markdown
        content: |
          {% set presence = @presence@ %}
          {% set ended = @ended@ %}
          {% set codes = @codes@ %}
          {% set purposes = @purposes@ %}
          | @heads@ |
          |---|---|---|---|---|
          {%- for device in integration_entities('mqtt') | sort | map('device_id') | reject('none') | unique
            if device_attr(device, 'manufacturer') == 'WeCall' %}
          {%- set found = namespace(state='', line='', call='', code='', answers={}) %}
          {%- for entity in expand(device_entities(device)) %}
          {%- set options = entity.attributes.options | default([]) %}
          {%- if entity.attributes.device_class == 'problem' %}{% set found.line = entity.state %}
          {%- elif entity.domain == 'binary_sensor' %}{% set found.state = entity.state %}
          {%- elif 'remote_hangup' in options %}{% set found.call = entity.state %}
          {%- elif 'in_force' in options %}{% set found.code = entity.state %}
          {%- elif entity.attributes.cdr_sync is defined %}{% set found.answers = entity.attributes %}
          {%- endif %}
          {%- endfor %}
          {%- set agreed = namespace(to=[]) %}
          {%- for purpose, name in purposes.items() if found.answers[purpose] is true %}
          {%- set agreed.to = agreed.to + [name] %}
          {%- endfor %}
          | {{ device_attr(device, 'name_by_user') or device_attr(device, 'name') -}}
          | {{ presence.get('no_line' if found.line == 'on' else found.state, '—') -}}
          | {{ '@not_shared@' if found.answers.cdr_sync is false else ended.get(found.call, '—') -}}
          | {{ agreed.to | join('@and@') or ('@nothing@' if found.answers else '—') -}}
          | {{ codes.get(found.code, '—') }} |
          {%- endfor %}
"""


def dashboards() -> dict[str, str]:
    """Return the text of each dashboard, by its name."""
    return {f"handsets.{language}.yaml": _dashboard(language) for language in _OWN_WORDS}


def _dashboard(language: str) -> str:
    page = dict(_PAGE_WORD.findall((_FLEET / "page" / f"words_{language}.js").read_text(encoding="utf-8")))
    words = {
        "presence": _dictionary(
            {"on": page["state.online"], "no_line": page["state.no_line"], "off": page["state.offline"]}
        ),
        "ended": _dictionary(_words(page, "ended", DisconnectReason)),
        "codes": _dictionary(_words(page, "code", OutcomeCode)),
        "purposes": _dictionary(_words(page, "purpose", Purpose)),
        **_OWN_WORDS[language],
    }
    return re.sub("@([a-z_]+)@", lambda found: words[found[1]], _DASHBOARD)


def _words(page: Mapping[str, str], prefix: str, codes: Iterable[str]) -> dict[str, str]:
    return {code: page[f"{prefix}.{code}"] for code in codes}


def _dictionary(words: Mapping[str, str]) -> str:
    return json.dumps(words, ensure_ascii=False)
