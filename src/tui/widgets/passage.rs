//! A line of text around the token on which a feature fires: `… on ▐Monday▌ the council met again …`.
//!
//! Tokens are shaded by their strength (share of the feature's maximum); the token in question stands in a reversed
//! block with half-cell edges, so it is found without colour. Both ends are cut by display width with an ellipsis.
//! Text comes from files: it is made safe and reduced to graphemes of agreed width first ([`text::clean`]).

use super::{Look, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;

/// A token and how strongly the feature fires on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Token<'a> {
    /// The string as in the file.
    pub text: &'a str,
    /// Share of the feature's maximum, 0 if silent.
    pub strength: f32,
}

/// Where the focus token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Wherever most of the text can be shown.
    Flow,
    /// Beginning at this column, as in a concordance: many passages line up.
    Column(u16),
}

/// A styled grapheme and its width.
struct Piece {
    text: String,
    style: Style,
    width: u16,
}

/// Draws one passage in the first row of `area`.
pub fn render(look: &Look, tokens: &[Token<'_>], focus: usize, align: Align, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let Some(token) = tokens.get(focus) else { return };
    if area.is_empty() {
        return;
    }
    let before = pieces(look, &tokens[..focus]);
    let after = pieces(look, &tokens[focus + 1..]);
    let (lead, core, trail) = split(token.text);
    let core = text::clean(core, look.ascii);
    let core = text::fit(&core, usize::from(area.width.saturating_sub(2).max(1)), look.ascii).into_owned();
    let blank = || Piece { text: " ".to_string(), style: look.theme.text(), width: 1 };
    let before: Vec<Piece> = before.into_iter().chain(lead.then(blank)).collect();
    let after: Vec<Piece> = trail.then(blank).into_iter().chain(after).collect();
    let middle = (text::width(&core) as u16 + 2).min(area.width);
    let room = area.width - middle;
    let (left, right) = share(total(&before), total(&after), room, align);

    let x = area.x + left;
    draw_left(look, &before, left, Rect { width: left, ..area }, buf);
    focus_token(look, &core, token.strength, Rect { x, width: middle, ..area }, buf);
    draw_right(look, &after, right, Rect { x: x + middle, width: right, ..area }, buf);
}

/// Draws a passage whole, over as many lines as `area` has: words stay together where they fit. Where the lines do
/// not suffice, those around the focus are shown, and an ellipsis stands where text is left out.
pub fn render_whole(look: &Look, tokens: &[Token<'_>], focus: usize, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let Some(token) = tokens.get(focus) else { return };
    if area.is_empty() {
        return;
    }
    let (lead, core, trail) = split(token.text);
    let shade = look.theme.shade(token.strength).remove_modifier(Modifier::UNDERLINED | Modifier::ITALIC);
    let one = |text: &str, style: Style| Piece { text: text.to_string(), style, width: text::width(text) as u16 };
    let blank = || one(" ", look.theme.text());
    let mut all = pieces(look, &tokens[..focus]);
    all.extend(lead.then(blank));
    all.push(one(look.pick("▐", "["), shade.remove_modifier(Modifier::BOLD)));
    let at = all.len();
    let word = shade.add_modifier(Modifier::REVERSED | Modifier::BOLD);
    all.extend(text::clean(core, look.ascii).graphemes(true).map(|grapheme| one(grapheme, word)));
    all.push(one(look.pick("▌", "]"), shade.remove_modifier(Modifier::BOLD)));
    all.extend(trail.then(blank));
    all.extend(pieces(look, &tokens[focus + 1..]));

    let lines = broken(&all, area.width);
    let home = lines.iter().position(|line| line.contains(&at)).unwrap_or(0);
    let height = usize::from(area.height);
    let first = home.saturating_sub(height / 2).min(lines.len().saturating_sub(height));
    for (y, line) in (area.y..area.bottom()).zip(&lines[first..]) {
        let mut x = area.x;
        for piece in &all[line.clone()] {
            x = text::put(buf, area, x, y, &piece.text, piece.style);
        }
    }
    let ellipsis = text::ellipsis(look.ascii);
    if first > 0 {
        text::put(buf, area, area.x, area.y, ellipsis, look.theme.muted());
    }
    if first + height < lines.len() {
        // The last column may be the second half of a wide character.
        text::unhook(buf, Rect { x: area.right() - 1, y: area.bottom() - 1, width: 1, height: 1 });
        text::put_right(buf, area, area.right(), area.bottom() - 1, ellipsis, look.theme.muted());
    }
}

/// Lines of pieces, each at most `columns` wide, broken after blanks where there are any. A blank that ends a line
/// hangs over and is left out.
fn broken(pieces: &[Piece], columns: u16) -> Vec<std::ops::Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut used, mut after_blank) = (0, 0u16, 0);
    let mut i = 0;
    while i < pieces.len() {
        let blank = pieces[i].text == " ";
        if used + pieces[i].width > columns && !blank && i > start {
            let end = if after_blank > start { after_blank } else { i };
            lines.push(start..end);
            (start, used) = (end, pieces[end..i].iter().map(|piece| piece.width).sum());
            continue;
        }
        used = used.saturating_add(pieces[i].width);
        i += 1;
        if blank {
            after_blank = i;
        }
    }
    lines.push(start..pieces.len());
    lines
}

/// Columns to the left and right of the focus.
fn share(before: usize, after: usize, room: u16, align: Align) -> (u16, u16) {
    let columns = |n: usize| n.min(usize::from(room)) as u16;
    let left = match align {
        Align::Column(column) => column.min(room),
        Align::Flow => {
            // Half each; what one side does not need goes to the other.
            let left = columns(before).min(room / 2);
            let right = columns(after).min(room - left);
            columns(before).min(room - right)
        }
    };
    (left, room - left)
}

/// Whether white space leads and trails, and the rest; all of it if there is nothing else.
fn split(text: &str) -> (bool, &str, bool) {
    let core = text.trim_matches(' ');
    if core.is_empty() {
        return (false, text, false);
    }
    (text.starts_with(' '), core, text.ends_with(' '))
}

/// The graphemes of tokens in a row. A mark that is a token of its own, as tokenizers make of Devanagari or of accents,
/// stands on the letter of the token before it, in that one's style.
fn pieces(look: &Look, tokens: &[Token<'_>]) -> Vec<Piece> {
    // All of them as one text, and where in it each token ends.
    let (mut line, mut ends) = (String::new(), Vec::with_capacity(tokens.len()));
    for token in tokens {
        line.push_str(&crate::text::printable(token.text));
        ends.push(line.len());
    }
    let mut out = Vec::new();
    let mut token = 0;
    for (at, grapheme) in line.grapheme_indices(true) {
        while ends[token] <= at {
            token += 1;
        }
        let start = token.checked_sub(1).map_or(0, |before| ends[before]);
        let whole = &line[start..ends[token]];
        // White space at the ends is neither underlined nor coloured: words stay apart.
        let words = whole.trim_matches(' ');
        let first = start + whole.len() - whole.trim_start_matches(' ').len();
        let inner = (first..first + words.len()).contains(&at);
        let style = if inner { look.theme.shade(tokens[token].strength) } else { look.theme.text() };
        for piece in text::clean(grapheme, look.ascii).graphemes(true) {
            let width = text::grapheme_width(piece) as u16;
            out.push(Piece { text: piece.to_string(), style, width });
        }
    }
    out
}

fn total(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| usize::from(piece.width)).sum()
}

/// The token itself: `▐Monday▌`, the word reversed so that the half blocks are its edges.
fn focus_token(look: &Look, core: &str, strength: f32, area: Rect, buf: &mut Buffer) {
    if area.width < 3 {
        text::put(buf, area, area.x, area.y, core, look.theme.selected());
        return;
    }
    let shade = look.theme.shade(strength).remove_modifier(Modifier::UNDERLINED | Modifier::ITALIC);
    let edge = shade.remove_modifier(Modifier::BOLD);
    text::put(buf, area, area.x, area.y, look.pick("▐", "["), edge);
    let word = shade.add_modifier(Modifier::REVERSED | Modifier::BOLD);
    let x = text::put(buf, area, area.x + 1, area.y, core, word);
    text::put(buf, area, x, area.y, look.pick("▌", "]"), edge);
}

/// Draws the end of `pieces` in `room` columns, ending at the right edge.
fn draw_left(look: &Look, pieces: &[Piece], room: u16, area: Rect, buf: &mut Buffer) {
    let whole = total(pieces) <= usize::from(room);
    let mut left = if whole { room } else { room.saturating_sub(1) };
    let mut first = pieces.len();
    while first > 0 && pieces[first - 1].width <= left {
        first -= 1;
        left -= pieces[first].width;
    }
    let mut x = area.x + left;
    if !whole && room > 0 {
        // The ellipsis stands where the text begins, also if a wide character left a gap.
        text::put(buf, area, x, area.y, text::ellipsis(look.ascii), look.theme.muted());
        x += 1;
    }
    for piece in &pieces[first..] {
        x = text::put(buf, area, x, area.y, &piece.text, piece.style);
    }
}

/// Draws the start of `pieces` in `room` columns.
fn draw_right(look: &Look, pieces: &[Piece], room: u16, area: Rect, buf: &mut Buffer) {
    let whole = total(pieces) <= usize::from(room);
    let mut left = if whole { room } else { room.saturating_sub(1) };
    let mut x = area.x;
    for piece in pieces {
        if piece.width > left {
            break;
        }
        left -= piece.width;
        x = text::put(buf, area, x, area.y, &piece.text, piece.style);
    }
    if !whole && room > 0 {
        text::put(buf, area, x, area.y, text::ellipsis(look.ascii), look.theme.muted());
    }
}
