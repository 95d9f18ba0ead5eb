"""The frame of the page of a comparison, which loads nothing from outside."""
from string import Template

STYLE = '''
:root { color-scheme: light dark; --text: #1a1a1a; --page: #ffffff;
  --soft: #5a5a5a; --line: #d5d5d5; --box: #f4f4f2; --better: #00664a;
  --worse: #a63d00; }
@media screen and (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --page: #17181a; --soft: #a8a8a8; --line: #3a3c40;
    --box: #222428; --better: #4fd1a5; --worse: #ff9a62; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 84rem;
  font: 16px/1.5 system-ui, sans-serif; color: var(--text);
  background: var(--page); overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { margin: 0; color: var(--soft); }
ul { margin: 0; padding-left: 1.25rem; }
li { margin: .3rem 0; }
.answers { font-size: 1.05rem; }
.better { color: var(--better); font-weight: 600; }
.worse { color: var(--worse); font-weight: 600; }
pre { margin: 0; padding: .6rem .8rem; background: var(--box);
  border-radius: 6px; white-space: pre-wrap; font-size: .85rem; }
code, pre { font-family: ui-monospace, monospace; }
figure { margin: 0; padding: .5rem; background: #ffffff;
  border: 1px solid var(--line); border-radius: 6px; }
figure svg { display: block; width: 100%; height: auto; }
figure.narrow { display: none; }
table { border-collapse: collapse; width: 100%; font-size: .85rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .5rem; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { vertical-align: bottom; font-weight: 600; color: var(--soft);
  overflow-wrap: normal; }
tbody th { vertical-align: top; color: var(--text); min-width: 9rem;
  overflow-wrap: anywhere; }
th.text, td.text { text-align: left; }
td { overflow-wrap: normal; }
@media screen and (max-width: 60rem) {
  figure.wide { display: none; }
  figure.narrow { display: block; max-width: 34rem; }
  thead { display: none; }
  table, tbody { display: block; }
  tr { display: block; margin: 0 0 1rem; padding: .5rem .7rem;
    background: var(--box); border-radius: 6px; }
  tbody th, td, td.text { display: flex; justify-content: space-between;
    gap: 1rem; padding: .15rem 0; border: 0; text-align: right; }
  td::before { content: attr(data-label); color: var(--soft);
    text-align: left; }
  td.none { display: none; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  table { font-size: 7.5pt; } th, td { padding: .2rem; }
  h2, h3 { break-after: avoid; } figure, tr, pre { break-inside: avoid; }
}
'''.strip()

# nothing may be loaded, even if a name held a tag
POLICY = "default-src 'none'; style-src 'unsafe-inline'"

PAGE = Template(f'''<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>$title</title>
<style>
{STYLE}
</style>
</head>
<body>
<h1>Does it pay?</h1>
<p>$title</p>
<h2>Answer</h2>
$answers
<h2>Picture</h2>
<figure class="wide" role="img" aria-label="$label">
$wide
</figure>
<figure class="narrow" role="img" aria-label="$label">
$narrow
</figure>
<h2>Table</h2>
$table
$sections
</body>
</html>
''')
