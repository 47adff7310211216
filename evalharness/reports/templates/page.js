"use strict";
(() => {
  const PAGE = 50;            // cases put on the page at a time
  const PART = 500;           // cases made ready for searching at a time
  const OPEN = 20;            // flipped cases that are open from the start, as long as their replies come to no more than
  const OPEN_TEXT = 40000;    // so many characters: fifty long replies laid out at once would make every filter slow
  const MOST_CELLS = 2000000; // words of one reply times words of the other, past which no words are matched
  const LEAST_SHARED = 0.3;   // below this share marking single words hides more than it shows
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|(?<=[\u0000-\u007f]|^)[\u200c\u200d]/gu;

  // --- building the page: text only ever becomes text ---------------------------------------------------------------

  const element = (name, kind, ...inside) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    made.append(...inside);
    return made;
  };

  const spelled = (character) => {
    const code = character.codePointAt(0);
    if (code < 0x100) return "\\x" + code.toString(16).padStart(2, "0");
    if (code < 0x10000) return "\\u" + code.toString(16).padStart(4, "0");
    return "\\U" + code.toString(16).padStart(8, "0");
  };

  // What cannot be seen is spelled out, in a frame that tells it from the text.
  const shown = (text) => {
    const parts = [];
    let end = 0;
    for (const found of text.matchAll(HIDDEN)) {
      parts.push(text.slice(end, found.index), element("span", "hidden", spelled(found[0])));
      end = found.index + found[0].length;
    }
    parts.push(text.slice(end));
    return parts.filter((part) => part !== "");
  };

  const short = (text, most) => (text.length > most ? `${text.slice(0, most).replace(/[\ud800-\udbff]$/, "")}…` : text);

  const words = (kind, text) => {
    const made = element("bdi", kind, ...shown(text));
    made.dir = "auto";
    return made;
  };

  // --- the difference of two replies, by word -----------------------------------------------------------------------

  const split = (text) => text.match(/[\p{L}\p{M}\p{N}_]+(?:[.,'’-][\p{L}\p{M}\p{N}_]+)*\s*|[^\p{L}\p{M}\p{N}_\s]\s*|\s+/gu) || [];

  // A number a word, the same for the same word: comparing numbers is ten times as fast as comparing text.
  const numbered = (...sides) => {
    const known = new Map();
    const number = (word) => {
      const bare = word.trim();
      if (!known.has(bare)) known.set(bare, known.size);
      return known.get(bare);
    };
    return sides.map((side) => Int32Array.from(side, number));
  };

  // For each word of both sides: is it part of a longest common sequence?
  const kept = (leftWords, rightWords) => {
    const [left, right] = numbered(leftWords, rightWords);
    let start = 0;
    let leftEnd = left.length;
    let rightEnd = right.length;
    while (start < leftEnd && start < rightEnd && left[start] === right[start]) start += 1;
    while (leftEnd > start && rightEnd > start && left[leftEnd - 1] === right[rightEnd - 1]) { leftEnd -= 1; rightEnd -= 1; }
    const same = [leftWords.map((_, at) => at < start || at >= leftEnd), rightWords.map((_, at) => at < start || at >= rightEnd)];
    const rows = leftEnd - start;
    const columns = rightEnd - start;
    if (!rows || !columns || rows * columns > MOST_CELLS) return same;
    const step = columns + 1;
    const table = new Uint16Array((rows + 1) * step);
    for (let row = rows - 1; row >= 0; row -= 1) {
      for (let column = columns - 1; column >= 0; column -= 1) {
        table[row * step + column] = left[start + row] === right[start + column]
          ? table[(row + 1) * step + column + 1] + 1
          : Math.max(table[(row + 1) * step + column], table[row * step + column + 1]);
      }
    }
    for (let row = 0, column = 0; row < rows && column < columns;) {
      if (left[start + row] === right[start + column]) {
        same[0][start + row] = same[1][start + column] = true;
        row += 1;
        column += 1;
      } else if (table[(row + 1) * step + column] >= table[row * step + column + 1]) row += 1;
      else column += 1;
    }
    return same;
  };

  const stretches = (parts, same, name) => {
    const made = [];
    for (let at = 0; at < parts.length;) {
      let end = at;
      while (end < parts.length && same[end] === same[at]) end += 1;
      const text = parts.slice(at, end).join("");
      const bare = text.trimEnd() || text; // the blank after a word is not marked with it
      made.push(...(same[at] ? shown(text) : [element(name, "", ...shown(bare)), text.slice(bare.length)]));
      at = end;
    }
    return made;
  };

  const compared = (base, tuned) => {
    const sides = [split(base), split(tuned)];
    const same = kept(sides[0], sides[1]);
    const shared = sides[0].reduce((sum, part, at) => sum + (same[0][at] ? part.length : 0), 0);
    const shorter = Math.min(base.length, tuned.length);
    if (base === tuned || shared < LEAST_SHARED * Math.max(1, shorter)) return [shown(base), shown(tuned)];
    return [stretches(sides[0], same[0], "del"), stretches(sides[1], same[1], "ins")];
  };

  // --- one case -----------------------------------------------------------------------------------------------------

  const SIDES = { broke: "✗ broke", fixed: "✓ fixed" };
  const count = (number) => number.toLocaleString("en");
  const cases = (number) => `${count(number)} ${number === 1 ? "case" : "cases"}`;
  const points = (value) => (value === null ? "–" : `${(100 * value).toFixed(0)} %`);
  const flips = (row) => row.aspects.filter((aspect) => aspect[3]);

  // How many samples of a side pass an aspect, of those that were scored.
  const passes = (trials, aspect) => {
    const graded = trials.map((trial) => trial.scores.filter((score) => score[1] === aspect));
    const known = graded.filter((scores) => scores.length && scores.every((score) => score[3] !== null));
    return [known.filter((scores) => scores.every((score) => score[4])).length, known.length];
  };

  const moved = (row, aspect, base, tuned) => {
    if (Math.max(row.base.length, row.tuned.length) < 2) return ` ${points(base)} → ${points(tuned)}`;
    const [left, ofLeft] = passes(row.base, aspect);
    const [right, ofRight] = passes(row.tuned, aspect);
    return ` passed ${left} of ${ofLeft} → ${right} of ${ofRight} ${ofRight === 1 ? "sample" : "samples"}`;
  };

  const heading = (row) => {
    const line = element("summary", "");
    for (const [aspect, base, tuned, side] of flips(row)) {
      line.append(element("span", `side ${side}`, `${SIDES[side]} `, words("", short(aspect, 80)), moved(row, aspect, base, tuned)), " ");
    }
    line.append(words("name", short(row.case, 200)), " ");
    if (row.must) line.append(element("span", "tag", "must pass"), " ");
    for (const tag of row.tags) line.append(words("tag", short(tag, 60)), " ");
    if (row.ask !== row.case) line.append(words("ask", short(row.ask, 300)));
    return line;
  };

  const message = (who, text, left, inside) => {
    const made = element("div", `said ${who}`);
    if (who !== "reply") made.append(element("p", "who", who));
    const body = element("p", "text", ...(inside || shown(text)));
    body.dir = "auto";
    if (!text) body.append(element("span", "soft", "(no text)"));
    made.append(body);
    if (left) made.append(element("p", "soft", `… ${count(left)} more characters, in comparison.json`));
    return made;
  };

  const scored = (trial, turns) => {
    const list = element("ul", "scores");
    for (const [check, aspect, turn, value, passed, why] of trial.scores) {
      const mark = value === null ? "?" : passed ? "✓" : "✗";
      const item = element("li", value === null ? "unknown" : passed ? "passed" : "missed", `${mark} `, words("check", check === aspect ? check : `${aspect}: ${check}`));
      item.append(value === null ? " not scored" : ` ${points(value)}`, turn !== null && turns > 1 ? ` in turn ${turn}` : "");
      if (why) item.append(" ", words("soft", why));
      list.append(item);
    }
    return list;
  };

  const replies = (trial) => (trial ? trial.said.filter(([who]) => who === "reply").map(([, text]) => text) : []);

  // One sample of a side; marked: its replies with what differs from the other side's, where that has as many turns.
  const column = (side, trial, marked, texts, place) => {
    const cap = element("div", "cap", element("h4", "", side));
    const made = element("section", `column ${side}`, cap);
    if (!trial) return made;
    const turns = replies(trial).length;
    let turn = 0;
    for (const [who, held, cut] of trial.said) {
      const [text, left] = who === "system" ? texts[held] : [held, cut];
      if (who === "system") {
        (made.children.length === 1 ? cap : made).append(folded(text, left));
        continue;
      }
      if (who !== "reply") {
        if (turns > 1) made.append(message(who, text, left));
        continue;
      }
      made.append(message("reply", text, left, marked[turn]));
      if (trial.ends[turn] && trial.ends[turn] !== "answered") made.append(element("p", "ending", trial.ends[turn]));
      turn += 1;
    }
    if (trial.failed) made.append(element("p", "ending", "no answer: ", words("", trial.failed)));
    made.append(scored(trial, turns));
    if (place > 0) made.setAttribute("aria-label", `${side}, sample ${place + 1}`);
    return made;
  };

  // The system text is the same for thousands of cases, and folded away; the other turns are what the reply answers.
  const folded = (text, left) => element("details", "system", element("summary", "", "system"), message("system", text, left));

  const body = (row, texts) => {
    const made = element("div", "body");
    const ask = element("p", "text question", ...shown(row.ask));
    ask.dir = "auto";
    made.append(ask);
    const samples = Math.max(row.base.length, row.tuned.length);
    for (let place = 0; place < samples; place += 1) {
      if (samples > 1) made.append(element("p", "who", `sample ${place + 1} of ${samples}`));
      const base = row.base[place];
      const tuned = row.tuned[place];
      const [left, right] = [replies(base), replies(tuned)];
      const turns = left.slice(0, right.length).map((reply, turn) => compared(reply, right[turn]));
      const [marked, across] = [0, 1].map((side) => turns.map((pair) => pair[side]));
      made.append(element("div", "pair", column("base", base, marked, texts, place), column("tuned", tuned, across, texts, place)));
    }
    return made;
  };

  const card = (row, texts, open) => {
    const made = element("details", "case", heading(row));
    let empty = true;
    const fill = () => {
      if (empty) made.append(body(row, texts));
      empty = false;
    };
    made.addEventListener("toggle", () => made.open && fill());
    made.unfold = () => { // not left to the event, which comes too late for paper
      fill();
      made.open = true;
    };
    if (open) made.unfold();
    return made;
  };

  // --- the list of cases, its filters -------------------------------------------------------------------------------

  const rank = (row) => {
    const sides = flips(row).map((aspect) => aspect[3]);
    if (sides.includes("broke")) return 0;
    if (sides.includes("fixed")) return 1;
    return row.aspects.some(([, base, tuned]) => base !== tuned) ? 2 : 3;
  };

  const missing = (aspect) => aspect[1] === null || aspect[2] === null;
  const SHOW = [
    ["all", () => true],
    ["broke", (aspect) => aspect[3] === "broke"],
    ["fixed", (aspect) => aspect[3] === "fixed"],
    ["changed", (aspect) => !missing(aspect) && aspect[1] !== aspect[2]],
    ["unchanged", (aspect) => !missing(aspect) && aspect[1] === aspect[2]],
    ["left out", missing],
  ];

  const haystack = (row) => {
    const said = [...row.base, ...row.tuned].flatMap((trial) => trial.said.filter(([who]) => who !== "system").map(([, text]) => text));
    const why = [...row.base, ...row.tuned].flatMap((trial) => trial.scores.map((score) => score[5]));
    return [row.case, row.ask, ...row.tags, ...said, ...why].join("\n").toLowerCase();
  };

  const start = (section) => {
    const number = section.dataset.cases;
    const read = (name) => JSON.parse(document.getElementById(`${name}-${number}`).textContent);
    const rows = read("cases");
    const texts = read("texts");
    rows.forEach((row, place) => { row.rank = rank(row); row.place = place; });
    rows.sort((one, other) => one.rank - other.rank || one.place - other.place);

    const form = section.querySelector(".filters");
    const list = section.querySelector(".list");
    const status = section.querySelector("[role=status]");
    const more = section.querySelector(".more");
    const paper = section.querySelector(".paper");
    let found = rows;
    let put = 0;
    let written = 0; // characters of the replies that were opened

    const offer = (name, values) => {
      const select = form.elements[name];
      for (const value of [...new Set(values)].sort()) {
        const option = element("option", "", ...[value.replace(HIDDEN, spelled).slice(0, 80)]);
        option.value = value;
        select.append(option);
      }
      if (select.options.length < 2) select.closest("label").hidden = true;
    };
    offer("aspect", rows.flatMap((row) => row.aspects.map((aspect) => aspect[0])));
    offer("tag", rows.flatMap((row) => row.tags));
    for (const [name] of SHOW) {
      const radio = element("input", "");
      radio.type = "radio";
      radio.name = "show";
      radio.value = name;
      radio.defaultChecked = name === "all";
      form.querySelector("fieldset").append(element("label", "", radio, element("span", "", `${name} `, element("span", "count"))));
    }

    const opens = (row, place) => {
      if (place >= OPEN || row.rank > 1 || written > OPEN_TEXT) return false;
      written += [...row.base, ...row.tuned].flatMap(replies).reduce((sum, reply) => sum + reply.length, 0);
      return true;
    };

    const extend = () => {
      const next = found.slice(put, put + PAGE);
      list.append(...next.map((row, place) => card(row, texts, opens(row, put + place))));
      put += next.length;
      more.hidden = put >= found.length;
      more.textContent = `Show ${Math.min(PAGE, found.length - put)} more of ${count(found.length - put)}`;
    };

    const apply = () => {
      const show = form.elements.show.value;
      const aspect = form.elements.aspect.value;
      const tag = form.elements.tag.value;
      const text = form.elements.text.value.trim().toLowerCase();
      const counts = new Map(SHOW.map(([name]) => [name, 0]));
      found = rows.filter((row) => {
        if (tag && !row.tags.includes(tag)) return false;
        if (text && !(row.haystack ??= haystack(row)).includes(text)) return false;
        const aspects = aspect ? row.aspects.filter(([name]) => name === aspect) : row.aspects;
        if (aspect && !aspects.length) return false;
        let fits = false;
        for (const [name, rule] of SHOW) {
          const one = name === "unchanged" ? aspects.length > 0 && aspects.every(rule) : name === "all" || aspects.some(rule);
          counts.set(name, counts.get(name) + one);
          if (name === show) fits = one;
        }
        return fits;
      });
      form.querySelectorAll("fieldset label").forEach((label) => {
        label.querySelector(".count").textContent = count(counts.get(label.querySelector("input").value));
      });
      status.textContent = `${count(found.length)} of ${cases(rows.length)}`;
      list.replaceChildren();
      put = written = 0;
      extend();
    };

    // A choice is one event and acts at once; typing is many, and the last of them counts.
    let waiting = 0;
    form.addEventListener("input", (event) => {
      clearTimeout(waiting);
      if (event.target.name === "text") waiting = setTimeout(apply, 80);
      else apply();
    });
    // The text that is searched is made while the first word is being typed, a part at a time.
    const index = (from) => {
      for (const row of rows.slice(from, from + PART)) row.haystack ??= haystack(row);
      if (from + PART < rows.length) setTimeout(index, 0, from + PART);
    };
    form.elements.text.addEventListener("focus", () => index(0), { once: true });
    form.addEventListener("submit", (event) => event.preventDefault());
    more.addEventListener("click", () => {
      const last = list.lastElementChild;
      extend();
      last.nextElementSibling?.querySelector("summary").focus();
    });
    form.hidden = false;
    apply();

    // Paper shows what is listed, every flip with its replies, and a line says what it does not show.
    const narrowed = () => {
      const { show, aspect, tag, text } = form.elements;
      const asked = text.value.trim();
      return [
        show.value === "all" ? "" : show.value,
        aspect.value && `aspect ${short(aspect.value, 80)}`,
        tag.value && `tag ${short(tag.value, 60)}`,
        asked && `text “${short(asked, 80)}”`,
      ].filter(Boolean).join(", ");
    };
    return () => {
      const shut = [...list.children].filter((one, place) => !one.open && found[place].rank < 2);
      shut.forEach((one) => one.unfold());
      const whole = [...list.children].filter((one) => one.open).length;
      const chosen = narrowed();
      const told = [
        `Printed: ${count(put)} of ${cases(rows.length)}, ${count(whole)} with their replies.`,
        chosen && `Chosen: ${chosen}; ${count(found.length)} fit.`,
        put < found.length && "“Show more” before printing gives more.",
        texts.length && "System texts are not printed.",
      ];
      paper.replaceChildren(...shown(told.filter(Boolean).join(" ")));
      return () => shut.forEach((one) => { one.open = false; });
    };
  };

  // Several comparisons may hold tens of thousands of cases: each list is read when it comes near the screen.
  const waiting = new Set(document.querySelectorAll("[data-cases]"));
  const papers = [];
  const begin = (section) => waiting.delete(section) && papers.push(start(section));
  const near = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => begin(entry.target));
  }, { rootMargin: "800px" });
  if (waiting.size === 1) waiting.forEach(begin);
  else waiting.forEach((section) => near.observe(section));
  addEventListener("beforeprint", () => {
    waiting.forEach(begin);
    const shut = [...document.querySelectorAll("article > section > details:not([open])")];
    shut.forEach((details) => { details.open = true; });
    const undo = papers.map((print) => print());
    addEventListener("afterprint", () => {
      shut.forEach((details) => { details.open = false; });
      undo.forEach((back) => back());
    }, { once: true });
  });
})();
