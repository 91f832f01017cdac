"use strict";
// Everything that comes from the data is put on the page as text or as an attribute's value, never as markup.
const data = __DATA__;

const make = (tag, attrs = {}, ...kids) => {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs)) k.startsWith("on") ? e.addEventListener(k.slice(2), v) : e.setAttribute(k, v);
  e.append(...kids.filter(k => k !== null));
  return e;
};
const svg = (tag, attrs = {}, text = null) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v);
  if (text !== null) e.textContent = text;
  return e;
};
const titled = (e, text) => { e.append(svg("title", {}, text)); return e };
const at = id => document.getElementById(id);
const grouped = n => n.toLocaleString("en");
const units = {s: "seconds", Hz: "hertz"};
const signed = n => String(n).replace("-", "−");
const named = type => type.replaceAll("_", "-");
const big = (number, what) => make("div", {class: "card"}, make("div", {class: "big"}, number), make("div", {class: "soft small"}, what));

// A table whose columns are right-aligned where they hold numbers.
function table(head, rows) {
  const number = head.map((_, i) => rows.length > 0 && rows.every(r => typeof r[i] === "number" || r[i] === null));
  const whole = head.map((_, i) => rows.every(r => !number[i] || Number.isInteger(r[i])));
  const text = (c, i) => c === null ? "" : typeof c !== "number" ? String(c) : whole[i] ? grouped(c) : c.toFixed(2);
  const cell = (tag, c, i) => make(tag, {class: number[i] ? "n" : c instanceof Node ? "share" : "", dir: "auto"}, c instanceof Node ? c : text(c, i));
  return make("table", {}, make("tr", {}, ...head.map((h, i) => cell("th", h, i))), ...rows.map(r => make("tr", {}, ...r.map((c, i) => cell("td", c, i)))));
}

document.title = `${data.name} · datagen report`;
at("name").textContent = data.name;
at("sub").textContent = `version ${data.id} · datagen ${data.version}`;
for (const [engine, note] of data.notes) at("notes").append(make("div", {class: "card note small"}, make("b", {}, `${engine}: `), note));
for (const [k, v] of Object.entries(data.totals)) at("totals").append(big(grouped(v), k));
for (const s of data.shares) at("shares").append(big(`${(100 * s.share).toFixed(1)} %`, s.of));
for (const [name, rows] of Object.entries(data.groups)) {
  const most = Math.max(...rows.map(r => r[1]), 1);
  const bar = n => make("div", {class: "bar", style: `width:${100 * n / most}%`});
  at("groups").append(make("div", {class: "card"}, table([name, "kept", "rejected", "hours", ""], rows.map(r => [...r, bar(r[1])]))));
}
at("timing").append(...timing());
for (const h of data.histograms) at("histograms").append(histogram(h));
if (data.every > 1) at("measured").textContent = `Measured on every ${data.every}th dialogue.`;
if (data.rejects.length) at("rejects").append(table(["stage", "reason", "dialogues", "for example"], data.rejects));
else at("rejects").append(make("span", {class: "soft"}, "Nothing was rejected."));
gates("Gates of what is written", `${grouped(data.attempts)} attempts at writing a dialogue`, data.gates);
gates("Gates of what is spoken", `${grouped(data.speech_attempts)} attempts at speaking a turn`, data.speech_gates);
at("quality").append(...quality(data.quality));
at("engines").append(table(["", "engine", "model", "revision", "licence"], data.engines));

// The composite of Seed-TTS-eval, each part with who measured it, and what is missing.
function quality(q) {
  const told = `The mean of the three, as Seed-TTS-eval has it; ${grouped(q.n_turns)} turns in all. Scores of other models are not comparable.`;
  const rows = q.rows.map(([name, what, score, mean, turns, by]) => [name, what, score, mean === null ? "" : mean.toFixed(3), turns, by]);
  return [
    big(q.composite === null ? "none" : q.composite.toFixed(1), "composite of 100"),
    make("div", {class: "soft small"}, q.missing || told), table(["", "of", "score", "mean", "turns measured", "measured by"], rows),
  ];
}

// How often each reason failed an attempt.
function gates(title, attempts, rows) {
  at("gates").append(make("h3", {}, title), make("div", {class: "soft small"}, rows.length ? attempts : `${attempts}, none of which failed.`));
  if (rows.length) at("gates").append(table(["reason", "failed attempts", "share of attempts", "dialogues rejected"], rows));
}

// What the recipe asks of the timing, beside what came out.
function timing() {
  if (!data.timing.length) return [make("span", {class: "soft"}, "There is no timing to measure.")];
  return [make("h3", {}, "Timing against its target"), make("div", {class: "soft small"}, data.distance), table(["", "target", "output", "difference"], data.timing)];
}

// The target's height over each bin, as one line.
function outline(h, height) {
  const w = 220 / h.counts.length;
  return svg("path", {class: "target", d: "M" + h.target.map((n, i) => `${(i * w).toFixed(1)} ${height(n).toFixed(1)}H${((i + 1) * w).toFixed(1)}`).join("L"), fill: "none", stroke: "var(--ink)", "stroke-width": 1.2});
}

function histogram(h) {
  const W = 220, H = 92, most = Math.max(...h.counts, ...(h.target || []), 1), w = W / h.counts.length;
  const s = svg("svg", {viewBox: `-4 0 ${W + 8} ${H + 18}`, width: "100%", role: "img", "aria-label": h.title});
  const x = v => (v - h.from) / (h.to - h.from) * W, last = h.counts.length - 1;
  h.counts.forEach((n, i) => {
    const low = h.from + i * h.step, beyond = i === 0 ? h.beyond[0] : i === last ? h.beyond[1] : 0;
    const bar = svg("rect", {x: i * w, y: H - n / most * (H - 6), width: Math.max(w - .6, .8), height: n / most * (H - 6), fill: low + h.step / 2 < 0 ? "var(--cut)" : "var(--agent)"});
    s.append(titled(bar, `${low.toFixed(2)} to ${(low + h.step).toFixed(2)} ${h.unit}: ${n}` + (beyond ? `, ${beyond} of them beyond the axis` : "")));
  });
  if (h.target) s.append(titled(outline(h, n => H - n / most * (H - 6)), "target"));
  s.append(svg("line", {x1: 0, x2: W, y1: H, y2: H, stroke: "var(--soft)", "stroke-width": .7}));
  const step = [.1, .2, .5, 1, 2, 5, 10, 20, 50, 100].find(d => (h.to - h.from) / d <= 6);
  for (let i = Math.ceil(h.from / step - 1e-9); i * step <= h.to + 1e-9; i++) {
    const v = i * step, end = v > h.to - step / 4 && h.beyond[1] ? "+" : "";
    s.append(svg("line", {x1: x(v), x2: x(v), y1: H, y2: H + 3, stroke: "var(--soft)", "stroke-width": .7}));
    s.append(svg("text", {x: x(v), y: H + 14, "text-anchor": x(v) < 6 ? "start" : x(v) > W - 6 ? "end" : "middle"}, signed(Number(v.toFixed(1))) + end));
  }
  const q = h.quantiles;
  if (q.length) s.append(svg("line", {x1: x(q[1]), x2: x(q[1]), y1: 0, y2: H, stroke: "var(--ink)", "stroke-dasharray": "3 3"}));
  const told = q.length ? [`median ${signed(q[1])} ${h.unit}`, make("br"), `5–95 %: ${signed(q[0])} to ${signed(q[2])}`, make("br"), `n = ${grouped(h.n)}`] : ["none"];
  return make("div", {class: "card"}, make("h3", {}, h.title), make("div", {class: "soft small"}, ...told), s, make("div", {class: "soft small"}, (units[h.unit] || h.unit) + (h.note ? "; " + h.note : "")));
}

// The table of dialogues.
const heads = {dialog_id: "dialogue", duration_s: "s", n_turns: "turns", n_barge_in: "barge-ins", n_backchannel: "backchannels", overlap_s: "overlap s", snr_db: "SNR dB", agent_voice: "agent's voice", user_voice: "user's voice"};
const numeric = new Set(["duration_s", "n_turns", "n_barge_in", "n_backchannel", "overlap_s", "snr_db"]);
const shown = new Map(data.samples.map((s, i) => [s.id, i]));
const searched = data.dialogs.map(r => [r, r.join(" ").toLowerCase()]);
let order = [0, 1];
function fill() {
  const words = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean), [column, sign] = order;
  const rows = searched.filter(([, text]) => words.every(w => text.includes(w))).map(([r]) => r);
  rows.sort((a, b) => { const x = a[column], y = b[column]; return sign * (x === y ? 0 : x === null ? -1 : y === null ? 1 : x < y ? -1 : 1) });
  const arrow = i => i === column ? (sign > 0 ? " ↑" : " ↓") : "";
  const style = c => numeric.has(c) ? {class: "n"} : {dir: "auto"};
  const head = make("tr", {}, ...data.columns.map((c, i) => make("th", {...style(c), onclick: () => { order = [i, i === column ? -sign : 1]; fill() }}, (heads[c] || c) + arrow(i))));
  const cell = (v, i) => make("td", style(data.columns[i]), i === 0 && shown.has(v) ? make("a", {href: "#" + encodeURIComponent(v)}, v) : v === null ? "" : String(v));
  at("dialogs").replaceChildren(head, ...rows.map(r => make("tr", {}, ...r.map(cell))));
  const cut = data.totals.dialogues > data.dialogs.length ? `; the first ${grouped(data.listed)} of ${grouped(data.totals.dialogues)} are listed` : "";
  at("found").textContent = `${grouped(rows.length)} of ${grouped(data.dialogs.length)}${cut}. Linked ones can be seen and heard above.`;
}
at("filter").addEventListener("input", fill);
fill();

// One dialogue: an overview, a time line with waveforms and words, and the transcript.
// How each type of event is drawn: its colour, its sign, and as what: "both" over both lanes, "band" on its own, "box" around what is said.
const EVENTS = {
  barge_in: ["var(--cut)", "×", "both"], agent_interruption: ["var(--interruption)", "+", "both"], failed_barge_in: ["var(--failed)", "!", "box"],
  backchannel: ["var(--back)", "•", "box"], side_talk: ["var(--aside)", "○", "box"], disfluency: ["var(--disfluent)", "~", "box"],
  sound: ["var(--sound)", "♪", "band"], pause: ["var(--pause)", "·", "band"], long_silence: ["var(--silence)", "─", "band"], tool_call: ["var(--interruption)", "»", "band"], overlap: ["var(--both)", "▒", "both"],
};
const look = type => EVENTS[type] || ["var(--soft)", "■", "box"];
const colourOf = type => look(type)[0];
const SCALE = 110, LEFT = 48, MIDDLE = [92, 196], HALF = 34, HEIGHT = 290;
const x = t => LEFT + t * SCALE;
let stop = () => {};

data.samples.forEach((s, i) => at("tabs").append(make("button", {onclick: () => { location.hash = encodeURIComponent(s.id) }}, s.id)));
if (!data.samples.length) at("sample").append(make("span", {class: "soft"}, "There is no dialogue to show."));

function show(i, from = 0) {
  stop();
  const s = data.samples[i];
  [...at("tabs").children].forEach((b, j) => b.classList.toggle("on", i === j));
  const audio = s.audio ? make("audio", {controls: "", preload: "metadata", src: `data:audio/mpeg;base64,${s.audio}`}) : null;
  const [drawing, cursor] = timeline(s), lane = make("div", {class: "lane"}, drawing), [small, view] = overview(s);
  const seek = t => { if (audio) { audio.currentTime = t; audio.play() } };
  const width = () => lane.clientWidth / SCALE;
  const scrolled = () => { const t = Math.max(0, (lane.scrollLeft - LEFT) / SCALE); view.setAttribute("x", t / s.duration * 1000); view.setAttribute("width", Math.min(1, width() / s.duration) * 1000) };
  const go = t => { lane.scrollLeft = t <= 0 ? 0 : x(t); scrolled() };
  lane.addEventListener("scroll", scrolled);
  lane.addEventListener("click", e => seek(Math.max(0, (e.clientX - lane.getBoundingClientRect().left + lane.scrollLeft - LEFT) / SCALE)));
  small.addEventListener("click", e => { const box = small.getBoundingClientRect(); go((e.clientX - box.left) / box.width * s.duration - width() / 2) });
  if (audio) {
    let playing = true;
    stop = () => { playing = false; audio.pause() };
    const follow = () => {
      const p = x(audio.currentTime);
      cursor.setAttribute("x1", p); cursor.setAttribute("x2", p);
      if (audio.paused || !playing) return;
      if (p < lane.scrollLeft || p > lane.scrollLeft + lane.clientWidth - 60) lane.scrollLeft = p - 80;
      requestAnimationFrame(follow);
    };
    audio.addEventListener("play", follow); audio.addEventListener("seeked", follow);
  } else stop = () => {};
  const head = make("div", {}, make("b", {}, `${s.domain} / ${s.scenario}`), make("span", {class: "soft"}, `  ${s.duration.toFixed(1)} s · ${s.split} · agent ${s.voices[0]}, latency ${signed(s.latency.toFixed(2))} s · user ${s.voices[1]} · user's channel: ${s.effects}`));
  const sound = audio || make("div", {class: "soft small"}, "No audio was kept: build with --set pack.audio=true to see and hear it here.");
  const cut = s.played ? make("div", {class: "soft small"}, `The first ${s.played} s can be heard here.`) : null;
  const happens = new Set(s.turns.flatMap(t => t.events.map(e => e[0])));
  const kinds = [...Object.keys(EVENTS).filter(k => happens.has(k)), ...[...happens].filter(k => !EVENTS[k])].map(k => make("span", {}, make("b", {style: `color:${colourOf(k)}`}, look(k)[1]), " " + named(k), " "));
  const key = make("div", {class: "key small soft"}, ...kinds, make("div", {}, "Below: time · offset · speaker · what was said, struck through where a cut left it unheard. Click to hear."));
  at("sample").replaceChildren(head, make("div", {class: "role small", dir: "auto"}, s.role), sound, ...(cut ? [cut] : []), small, lane, key, make("div", {class: "turns"}, ...s.turns.map(t => told(t, seek, go))));
  go(from);
}

function told(t, seek, go) {
  const tag = ([type, , a, b, text, , detail]) => make("span", {class: "tag", style: `color:${colourOf(type)}`, title: `${a.toFixed(2)}–${b.toFixed(2)} s  ${detail}`}, `${look(type)[1]} ${named(type)}${text ? (type === "sound" ? ` ${text}` : ` “${text}”`) : ""}`);
  const offset = t.fto === null ? "" : (t.fto >= 0 ? "+" : "−") + Math.abs(t.fto).toFixed(2);
  const said = make("span", {class: "said", dir: "auto"}), words = t.heard.split(/\s+/).filter(Boolean);
  let from = 0;
  for (const e of t.events) {
    if (e[5] > from) said.append(words.slice(from, e[5]).join(" ") + " ");
    from = Math.max(from, e[5]);
    said.append(tag(e), " ");
  }
  said.append(from ? words.slice(from).join(" ") : t.heard);
  if (t.unheard) said.append(make("span", {class: "unheard"}, " " + t.unheard));
  return make("div", {class: "turn", onclick: () => { go(t.start - 1); seek(t.start) }}, make("span", {class: "soft time"}, t.start.toFixed(2)), make("span", {class: "soft time"}, offset), make("b", {class: t.speaker}, t.speaker), said);
}

// The whole dialogue at a glance, stretched to the page's width: 1000 units are its duration.
function overview(s) {
  const d = svg("svg", {class: "overview", viewBox: "0 0 1000 44", preserveAspectRatio: "none"}), u = t => t / s.duration * 1000;
  const view = svg("rect", {y: 0, height: 44, fill: "var(--ink)", opacity: .09});
  d.append(svg("line", {x1: 0, x2: 1000, y1: 22, y2: 22, stroke: "var(--line)"}));
  for (const t of s.turns) d.append(svg("rect", {x: u(t.start), y: t.speaker === "agent" ? 7 : 24, width: Math.max(u(t.end - t.start), 1), height: 13, fill: `var(--${t.speaker})`}));
  for (const t of s.turns) for (const [type, channel, a, b] of t.events) if (type !== "overlap") {
    const band = look(type)[2] === "band";
    d.append(svg("rect", {x: u(a), y: channel ? (band ? 28 : 22) : band ? 11 : 5, width: Math.max(u(b - a), 3), height: band ? 6 : 17, fill: colourOf(type)}));
  }
  d.append(view);
  return [d, view];
}

function timeline(s) {
  const W = Math.ceil(s.duration * SCALE) + LEFT + 30, d = svg("svg", {width: W, height: HEIGHT});
  for (const t of s.turns) for (const [type, , a, b] of t.events) if (look(type)[2] === "both") {
    d.append(titled(svg("rect", {x: x(a), y: MIDDLE[0] - HALF - 4, width: Math.max((b - a) * SCALE, 2), height: MIDDLE[1] - MIDDLE[0] + 2 * HALF + 8, fill: colourOf(type), opacity: .16}), `${named(type)} ${a.toFixed(2)}–${b.toFixed(2)} s`));
  }
  ["agent", "user"].forEach((side, c) => {
    d.append(svg("text", {x: 4, y: MIDDLE[c] + 4, style: `fill:var(--${side})`}, side));
    if (s.peaks[c]) d.append(svg("path", {d: wave(s.peaks[c], MIDDLE[c]), fill: `var(--${side})`, opacity: .8}));
    else d.append(svg("line", {x1: LEFT, x2: x(s.duration), y1: MIDDLE[c], y2: MIDDLE[c], stroke: "var(--line)"}));
  });
  const rows = [[], []];
  for (const t of s.turns) {
    const c = t.speaker === "agent" ? 0 : 1, y = MIDDLE[c];
    d.append(svg("rect", {x: x(t.start), y: y - HALF, width: Math.max((t.end - t.start) * SCALE, 1), height: 2 * HALF, fill: `var(--${t.speaker})`, opacity: .11, rx: 4}));
    for (const [word, a, b, heard] of t.words) if (heard !== "no") {
      // Without audio there is no waveform, so the words themselves show when there is speech.
      if (!s.peaks.length) d.append(svg("rect", {x: x(a), y: y - 9, width: Math.max((Math.min(b, t.end) - a) * SCALE - 1, 1), height: 18, fill: `var(--${t.speaker})`, opacity: .7, rx: 2}));
      label(d, rows[c], c, word, a, b, heard === "partial" ? "word partial" : "word", "");
    }
    if (t.unheard) d.append(titled(svg("line", {x1: x(t.end), x2: x(t.end), y1: y - HALF - 5, y2: y + HALF + 5, stroke: "var(--cut)", "stroke-width": 2.5}), `cut at ${t.end.toFixed(2)} s; unheard: ${t.unheard}`));
  }
  for (const t of s.turns) for (const e of t.events) event(d, rows, e, s.peaks.length > 0);
  for (let t = 0; t <= s.duration; t++) d.append(svg("text", {x: x(t), y: (MIDDLE[0] + MIDDLE[1]) / 2 + 4, "text-anchor": "middle"}, t % 5 ? "·" : `${t} s`));
  const cursor = svg("line", {x1: x(0), x2: x(0), y1: 4, y2: HEIGHT - 4, stroke: "var(--ink)"});
  d.append(cursor);
  return [d, cursor];
}

// An event on its lane: a band for what is not speech, a box around what is; what no turn's words say is written out.
function event(d, rows, [type, channel, a, b, text, , detail], heard) {
  const [fill, sign, as] = look(type), width = Math.max((b - a) * SCALE, 3), y = MIDDLE[channel];
  const title = `${named(type)} ${text} ${a.toFixed(2)}–${b.toFixed(2)} s  ${detail}`;
  if (type !== "overlap") {
    const [top, bottom] = type === "sound" ? [HALF - 12, HALF] : type === "disfluency" ? [8 - HALF, HALF - 8] : [-HALF, HALF];
    const box = {x: x(a), y: y + top, width, height: bottom - top, fill: as === "band" ? fill : "none", "fill-opacity": .2, stroke: fill, "stroke-width": 1.6, rx: 3};
    if (type === "failed_barge_in" || type === "side_talk") box["stroke-dasharray"] = "5 3";
    d.append(titled(svg("rect", box), title));
  }
  const said = ["backchannel", "failed_barge_in", "side_talk", "sound"].includes(type) ? text : "";
  if (said && type !== "sound" && !heard) d.append(svg("rect", {x: x(a), y: y - 9, width: Math.max(width - 1, 1), height: 18, fill, opacity: .7, rx: 2}));
  if (said) label(d, rows[channel], channel, `${sign} ${said}`, a, b, "word", fill);
  if (["pause", "long_silence"].includes(type) && width > 90) d.append(svg("text", {x: x(a) + 5, y: y - HALF + 13, style: `fill:${fill}`}, `${named(type)} ${(b - a).toFixed(1)} s`));
}

function wave(peaks, middle) {
  const points = peaks.map((v, i) => [x(i / 50).toFixed(1), Math.max(Math.min(v, 100) * HALF / 100, .4)]);
  const up = points.map(([p, h]) => `${p} ${(middle - h).toFixed(1)}`), down = points.map(([p, h]) => `${p} ${(middle + h).toFixed(1)}`).reverse();
  return `M${[...up, ...down].join("L")}Z`;
}

// A word at its time, in the first of four rows where it covers no other; where none is free, the title alone has it.
const pen = document.createElement("canvas").getContext("2d");
pen.font = "11px system-ui, sans-serif";
function label(d, rows, channel, word, a, b, style, fill) {
  const from = x(a), to = from + pen.measureText(word).width + 4;
  let row = 0;
  while (row < 4 && (rows[row] || []).some(([p, q]) => from < q && to > p)) row++;
  const edge = channel ? MIDDLE[1] + HALF + 13 : MIDDLE[0] - HALF - 6;
  if (row > 3) return;
  (rows[row] ||= []).push([from, to]);
  d.append(titled(svg("text", {class: style, x: from, y: edge + (channel ? 1 : -1) * 13 * row, style: fill ? `fill:${fill};font-weight:600` : ""}, word), `${word}  ${a.toFixed(2)}–${b.toFixed(2)} s`));
}

// #dialogue shows that dialogue, #dialogue@12.5 at that second.
function open() {
  const [, id, second] = /^#(.*?)(?:@([\d.]+))?$/.exec(location.hash) || [];
  const wanted = id ? shown.get(decodeURIComponent(id)) : undefined;
  if (wanted !== undefined) show(wanted, Number(second) || 0);
  return wanted !== undefined;
}
addEventListener("hashchange", () => { if (open()) at("look").scrollIntoView() });
if (!open() && data.samples.length) show(0);
