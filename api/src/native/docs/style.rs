//! How the page looks.

/// The style sheet.
pub(super) const CSS: &str = r"
:root {
  --back: #fbfcfd; --text: #1c2733; --soft: #5d6b7a; --line: #e3e8ee; --panel: #f2f5f8; --accent: #0f7c8a;
  --coral: #d9544d; --code: #10212f; --code-text: #dbe7f0;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0e151c; --text: #dde5ec; --soft: #8fa0b0; --line: #223041; --panel: #15202b; --accent: #4fc3cf;
    --coral: #ff8a80; --code: #0a1016; --code-text: #cfdde8;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; }
body {
  margin: 0; display: grid; grid-template-columns: 17rem minmax(0, 1fr);
  font: 16px/1.6 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; background: var(--back); color: var(--text);
}
nav {
  position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; background: var(--panel);
  border-right: 1px solid var(--line); font-size: .875rem;
}
nav a { display: block; padding: .2rem .5rem; border-radius: .3rem; color: var(--text); text-decoration: none; }
nav a:hover { background: var(--line); }
nav .brand { font-size: 1.3rem; font-weight: 700; color: var(--accent); margin-bottom: 1rem; }
nav .brand span { margin-left: .5rem; font-size: .75rem; font-weight: 400; color: var(--soft); }
nav .route { padding-left: 1.2rem; color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
nav summary { list-style: none; font-weight: 600; cursor: pointer; }
main { max-width: 58rem; padding: 2.5rem 3rem 6rem; }
h1 { font-size: 2.6rem; margin: 0; letter-spacing: -.02em; color: var(--accent); }
h2 { margin: 3.5rem 0 1rem; padding-bottom: .4rem; border-bottom: 1px solid var(--line); font-size: 1.6rem; }
h3 { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem; margin: 0 0 .4rem; font-size: 1rem; }
.lead { font-size: 1.25rem; color: var(--soft); margin-top: .2rem; }
article { margin: 1.2rem 0; padding: 1.1rem 1.3rem; border: 1px solid var(--line); border-radius: .6rem; }
article:target, tr:target { outline: 2px solid var(--accent); outline-offset: 2px; }
article p { margin: .3rem 0; }
.more, .kind { color: var(--soft); }
.method {
  padding: .05rem .5rem; border-radius: .3rem; font: 600 .75rem/1.7 ui-monospace, monospace; text-transform: uppercase;
  color: #fff; background: var(--accent);
}
.method.post { background: var(--coral); }
.badge, .scope, .required { font-size: .72rem; padding: .05rem .45rem; border-radius: 1rem; border: 1px solid var(--line); }
.badge { color: var(--coral); border-color: var(--coral); }
.scope { color: var(--soft); font-family: ui-monospace, monospace; }
.required { margin-left: .4rem; color: var(--coral); border: 0; padding: 0; }
code { font: .875em ui-monospace, SFMono-Regular, Menlo, monospace; overflow-wrap: anywhere; }
pre {
  margin: .8rem 0 0; padding: .8rem 1rem; overflow-x: auto; border-radius: .5rem; background: var(--code);
  color: var(--code-text); font: .82rem/1.55 ui-monospace, SFMono-Regular, Menlo, monospace;
}
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--accent); font-size: .875rem; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; }
td { padding: .45rem .6rem .45rem 0; border-top: 1px solid var(--line); vertical-align: top; }
td:first-child { width: 15rem; }
td.kind { width: 9rem; }
dt { margin-top: .9rem; font: 600 .9rem ui-monospace, monospace; }
dd { margin: .1rem 0 0; color: var(--soft); }
@media (max-width: 56rem) {
  body { grid-template-columns: minmax(0, 1fr); }
  nav { position: static; height: auto; max-height: 40vh; border-right: 0; border-bottom: 1px solid var(--line); }
  main { padding: 1.5rem 1.2rem 4rem; }
  td:first-child, td.kind { width: auto; }
}
";
