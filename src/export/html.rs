//! A page for a browser that needs nothing but itself: a plot that can be asked, or a frame as it stands.
//!
//! Input: a [`Page`] with a [`Plot`] or an SVG. Output: one HTML file. It loads nothing, from no network, and its policy
//! (Content-Security-Policy) lets nothing run but its own script and style, known by their SHA-256. Its heading and its
//! facts stand in the markup, so they are read without scripts too. All text passes [`printable`] first; in markup it is
//! then escaped, and in the data of the plot every character that could end a script, hide or reorder text is written as
//! `\u` and four digits. The script and the style are the files in `page/`, as they are. The same input gives the same
//! bytes.

use super::objects;
use super::plot::Plot;
use crate::text::{base64, is_plain, markup, printable};
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::Formatter;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

const PLOT: &str = concat!(include_str!("page/head.html"), include_str!("page/plot.html"));
const FRAME: &str = concat!(include_str!("page/head.html"), include_str!("page/frame.html"));
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = concat!(
    include_str!("page/data.js"),
    "\n",
    include_str!("page/view.js"),
    "\n",
    include_str!("page/page.js"),
    "\n",
    include_str!("page/selftest.js"),
);

/// What stands around a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its name.
    pub title: String,
    /// What it shows, in a few lines.
    pub lines: Vec<String>,
    /// What must not be overlooked.
    pub notice: String,
    /// Facts, in the order in which they are read.
    pub sections: Vec<Section>,
    /// Where it comes from, as JSON files have it.
    pub provenance: Value,
}

/// Facts under a heading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// Sentences.
    pub lines: Vec<String>,
    /// Names and values.
    pub rows: Vec<(String, String)>,
    /// Whether it is folded at first.
    pub folded: bool,
}

/// Writes a page with a plot.
///
/// # Errors
/// If the disk refuses.
pub fn write_plot(page: &Page, plot: &Plot, out: &mut dyn Write) -> io::Result<()> {
    fill(PLOT, out, &mut |name, out| match name {
        "policy" => out.write_all(policy(Some(SCRIPT)).as_bytes()),
        "script" => out.write_all(SCRIPT.as_bytes()),
        "data" => plot.serialize(&mut serde_json::Serializer::with_formatter(out, Inert)).map_err(io::Error::from),
        name => common(page, name, out),
    })
}

/// Writes a page with an SVG, which is markup and not escaped.
///
/// # Errors
/// If the disk refuses.
pub fn write_frame(page: &Page, svg: &str, out: &mut dyn Write) -> io::Result<()> {
    fill(FRAME, out, &mut |name, out| match name {
        "policy" => out.write_all(policy(None).as_bytes()),
        "frame" => out.write_all(svg.as_bytes()),
        name => common(page, name, out),
    })
}

/// The holes that both pages have.
fn common(page: &Page, name: &str, out: &mut dyn Write) -> io::Result<()> {
    let text = |text: &str| markup(&printable(text));
    let filled = match name {
        "title" => text(&page.title),
        "lines" => page.lines.iter().map(|line| format!("<p>{}</p>\n", text(line))).collect(),
        "notice" => text(&page.notice),
        "program" => concat!("saescope ", env!("CARGO_PKG_VERSION")).to_string(),
        "style" => STYLE.to_string(),
        "sections" => sections(page),
        other => unreachable!("no page has a hole {other}"),
    };
    out.write_all(filled.as_bytes())
}

/// Fills the holes `{{name}}` of a template. What is filled in is not looked at again.
fn fill(
    template: &str,
    out: &mut dyn Write,
    hole: &mut dyn FnMut(&str, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("every hole of a template is closed");
        out.write_all(before.as_bytes())?;
        hole(name, out)?;
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// What the page may do: nothing but run this script and show this style.
fn policy(script: Option<&str>) -> String {
    let hash = |text: &str| format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())));
    let script = script.map_or("'none'".into(), hash);
    let style = hash(STYLE);
    format!(
        "default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'"
    )
}

fn sections(page: &Page) -> String {
    let text = |text: &str| markup(&printable(text));
    let mut out = String::new();
    let provenance =
        Section { heading: "Provenance".into(), lines: Vec::new(), rows: rows_of(&page.provenance), folded: true };
    for section in page.sections.iter().chain([&provenance]) {
        let Section { heading, lines, rows, folded } = section;
        let heading = text(heading);
        let (open, close) = if *folded {
            (format!("<details>\n<summary>{heading}</summary>\n"), "</details>\n")
        } else {
            (format!("<section>\n<h2>{heading}</h2>\n"), "</section>\n")
        };
        out.push_str(&open);
        if !lines.is_empty() {
            out.push_str("<ul>\n");
            for line in lines {
                // What a list leads in with has a mark of its own already.
                match line.strip_prefix("- ") {
                    Some(line) => out.push_str(&format!("<li>{}</li>\n", text(line))),
                    None => out.push_str(&format!("<li class=\"bare\">{}</li>\n", text(line))),
                }
            }
            out.push_str("</ul>\n");
        }
        if !rows.is_empty() {
            out.push_str("<dl class=\"wide\">\n");
            for (name, value) in rows {
                out.push_str(&format!("<dt>{}</dt><dd>{}</dd>\n", text(name), text(value)));
            }
            out.push_str("</dl>\n");
        }
        out.push_str(close);
    }
    out
}

/// An object as names and values, nested ones flattened as columns are ([`objects::flatten`]).
fn rows_of(value: &Value) -> Vec<(String, String)> {
    let fields: objects::Fields = match value {
        Value::Object(map) => map.clone().into_iter().collect(),
        _ => Vec::new(),
    };
    let mut rows = objects::flatten(&fields);
    rows.retain(|(_, value)| !value.is_null());
    rows.into_iter().map(|(name, value)| (name, objects::cell(&value))).collect()
}

/// JSON that is inert in a page: no character of its texts ends a script, or hides or reorders what is read. Outside of
/// its texts JSON has none that could.
struct Inert;

impl Formatter for Inert {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut from = 0;
        for (at, c) in fragment.char_indices() {
            if is_plain(c) && !matches!(c, '<' | '>' | '&') {
                continue;
            }
            out.write_all(&fragment.as_bytes()[from..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            from = at + c.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[from..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::plot::{Axis, Class, Classing, NO_CLASS, Numbers, Palette, Palettes, Plane, Texts, Words};
    use serde_json::json;

    /// What a file may hold to do harm in a page.
    const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{2028}\"'`${1}\u{202e}{{data}}<!--<script>&amp;\u{0}";

    fn page() -> Page {
        Page {
            title: HOSTILE.into(),
            lines: vec![HOSTILE.into()],
            notice: HOSTILE.into(),
            sections: vec![Section {
                heading: HOSTILE.into(),
                lines: vec![HOSTILE.into(), format!("- {HOSTILE}")],
                rows: vec![(HOSTILE.into(), HOSTILE.into())],
                folded: true,
            }],
            provenance: json!({ "program": "saescope", "parameters": { "where": HOSTILE, "seed": 3, "none": null } }),
        }
    }

    fn plot() -> Plot {
        let palette = Palette {
            ground: "#000000".into(),
            ink: "#ffffff".into(),
            plain: "#ffffff".into(),
            none: "#808080".into(),
            faint: "#404040".into(),
            hues: vec!["#ff0000".into()],
            steps: vec!["#00ff00".into()],
        };
        Plot {
            many: "features".into(),
            hash: "#".into(),
            ids: Numbers::U32(vec![0, 70_000]),
            axes: vec![Axis { name: "x".into(), values: Numbers::F32(vec![1.5, f32::NAN]) }],
            planes: vec![Plane { name: "map".into(), x: 0, y: 0 }],
            plane: 0,
            classings: vec![Classing {
                name: "cluster".into(),
                of: Numbers::U16(vec![0, NO_CLASS]),
                classes: vec![Class { mark: "A".into(), name: HOSTILE.into() }],
                none: "none".into(),
            }],
            measures: Vec::new(),
            colour: 0,
            texts: vec![Texts { name: "label".into(), values: vec![Words::One(HOSTILE.into()), Words::None] }],
            passages: None,
            firing: None,
            near: None,
            faint: None,
            marked: vec![1],
            selected: None,
            query: HOSTILE.into(),
            written: Vec::new(),
            lettered: Some(0),
            palettes: Palettes { dark: palette.clone(), light: palette },
        }
    }

    fn written() -> String {
        let mut out = Vec::new();
        write_plot(&page(), &plot(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// What stands between the first of these and the next of those.
    fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
        text.split_once(from).unwrap().1.split_once(to).unwrap().0
    }

    #[test]
    fn texts_stay_texts_whatever_they_hold() {
        let text = written();
        // One block of data and one script, and no other element than the page's own.
        assert_eq!((text.matches("<script").count(), text.matches("</script").count()), (2, 2));
        assert_eq!((text.matches("<img").count(), text.matches("<!--").count()), (0, 0));
        assert!(text.chars().all(|c| c == '\n' || is_plain(c)));
        assert!(!text.replace(SCRIPT, "").contains("onerror=alert(1)>"));
        let data: Value = serde_json::from_str(between(&text, "id=\"data\">", "</script>")).unwrap();
        for place in ["/query", "/texts/0/values/0", "/classings/0/classes/0/name"] {
            assert_eq!(data.pointer(place).unwrap(), HOSTILE, "{place}");
        }
        let shown = markup(&printable(HOSTILE));
        assert!(shown.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"), "{shown}");
        // Title, label of the plot, heading, line, notice; heading, two lines, name and value; the filter.
        assert!(text.matches(&shown).count() >= 10, "{}", text.matches(&shown).count());
    }

    #[test]
    fn the_policy_lets_its_own_script_and_style_alone_run() {
        let text = written();
        let policy = between(&text, "Content-Security-Policy\" content=\"", "\"");
        let hash = |text: &str| format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())));
        let script = hash(between(&text, "<script type=\"module\">", "</script>"));
        let style = hash(between(&text, "<style>", "</style>"));
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'; \
                 require-trusted-types-for 'script'"
            )
        );
        // Nothing is asked of any other place, and no attribute runs or styles anything.
        let own = [PLOT, FRAME, STYLE, SCRIPT].concat();
        for bad in
            ["http:", "https:", "url(", "import ", "@import", " src=", " style=", " onclick=", "eval(", "innerHTML"]
        {
            assert!(!own.contains(bad), "{bad}");
        }
        let mut still = Vec::new();
        write_frame(&page(), "<svg></svg>\n", &mut still).unwrap();
        let still = String::from_utf8(still).unwrap();
        assert!(still.contains("script-src 'none'") && still.contains("<svg></svg>"));
        assert!(!still.contains("<script") && !still.contains("{{policy"));
    }

    #[test]
    fn numbers_come_back_to_the_bit_and_facts_have_rows() {
        let text = written();
        let data: Value = serde_json::from_str(between(&text, "id=\"data\">", "</script>")).unwrap();
        // 1.5 and a NaN; 0 and 70,000; 0 and none: little-endian, in base64.
        assert_eq!(data["axes"][0]["values"], json!({ "f32": "AADAPwAAwH8=" }));
        assert_eq!(data["ids"], json!({ "u32": "AAAAAHARAQA=" }));
        assert_eq!(data["classings"][0]["of"], json!({ "u16": "AAD//w==" }));
        assert_eq!((&data["selected"], &data["texts"][0]["values"][1]), (&Value::Null, &Value::Null));
        assert!(text.contains("<dt>parameters_seed</dt><dd>3</dd>") && !text.contains("parameters_none"));
        assert_eq!(written(), text);
    }
}
