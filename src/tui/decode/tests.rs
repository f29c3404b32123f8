//! Keys of common terminals; what terminals say unasked, whole, cut and late; pastes and the mouse.

use super::*;
use proptest::prelude::*;

fn decode(chunks: &[&[u8]]) -> Vec<Input> {
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    for chunk in chunks {
        decoder.feed(chunk, &mut out);
    }
    if decoder.patience().is_some() {
        decoder.give_up(&mut out);
    }
    out
}

fn keys(bytes: &[u8]) -> String {
    let text = |input: &Input| match input {
        Input::Key(key) => key.to_string(),
        other => format!("{other:?}"),
    };
    decode(&[bytes]).iter().map(text).collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_of_common_terminals() {
    for (bytes, expected) in [
        (&b"aG?"[..], "a G ?"),
        (b"\x1b", "Esc"),
        (b"\x1b\x1b", "Esc Esc"),
        (b"\r\t\x7f\x08", "Enter Tab Backspace Backspace"),
        (b"\x0f\x03\x1a\x00", "Ctrl-o Ctrl-c Ctrl-z Ctrl-Space"),
        (b"\x1b[A\x1bOB\x1b[1;2C\x1b[1;5D", "Up Down Shift-Right Ctrl-Left"),
        (b"\x1b[Z\x1b[H\x1b[4~\x1b[5~\x1b[6~\x1b[3~", "Shift-Tab Home End PgUp PgDn Delete"),
        (b"\x1bOP\x1b[15~\x1b[24~\x1b[[B", "F1 F5 F12 F2"),
        (b"\x1bb\x1b\x7f", "Alt-b Alt-Backspace"),
        ("é東".as_bytes(), "é 東"),
        (b"\x1b[106;5u", "Ctrl-j"),
    ] {
        assert_eq!(keys(bytes), expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn replies_nobody_asked_for_change_nothing() {
    for reply in [
        &b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\"[..],
        b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
        b"\x1b[?62;22;52c",
        b"\x1b[>41;354;0c",
        b"\x1b[?2026;2$y",
        b"\x1b[24;80R",
        b"\x1b[4;600;800t",
        b"\x1bP>|kitty(0.35)\x1b\\",
        b"\x1b_Gi=31;OK\x1b\\",
        b"\x1b[?1;2;4;99u",
        b"\x1b[I\x1b[O",
        b"\x1b[M !!",
        b"\x1b[38;2;1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;28;29x",
        b"\x1b[=1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;28;29A",
    ] {
        assert_eq!(decode(&[reply]), [], "{}", reply.escape_ascii());
        let mut bytes = reply.to_vec();
        bytes.push(b'j');
        assert_eq!(keys(&bytes), "j", "the key after {}", reply.escape_ascii());
        // Split anywhere but after the very first byte, the reply still is no text.
        for cut in 1..reply.len() {
            assert_eq!(decode(&[&reply[..cut], &reply[cut..]]), [], "{} cut at {cut}", reply.escape_ascii());
        }
    }
}

#[test]
fn the_tail_of_a_given_up_escape_is_no_text() {
    for tail in [&b"]11;rgb:0000/0000/0000\x07"[..], b"[?62;22c", b"[24;80R"] {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        decoder.feed(b"\x1b", &mut out);
        decoder.give_up(&mut out);
        assert_eq!(out, [Input::Key(Key::plain(KeyCode::Esc))]);
        decoder.feed(tail, &mut out);
        assert_eq!(out.len(), 1, "{}", tail.escape_ascii());
        assert_eq!(decoder.patience(), None);
    }
    // A person who presses Esc and then a bracket gets both.
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    decoder.feed(b"\x1b", &mut out);
    decoder.give_up(&mut out);
    decoder.feed(b"]", &mut out);
    decoder.feed(b"1", &mut out);
    assert_eq!(out.len(), 3);
}

/// Feeds the chunks with as much time between them as the decoder would wait, and more.
fn decode_slowly(chunks: &[&[u8]]) -> Vec<Input> {
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    for chunk in chunks {
        decoder.feed(chunk, &mut out);
        if decoder.patience().is_some() {
            decoder.give_up(&mut out);
        }
    }
    out
}

#[test]
fn a_reply_that_comes_in_two_parts_far_apart_is_no_text() {
    for reply in [
        &b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\"[..],
        b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
        b"\x1b[?62;22;52c",
        b"\x1b[?2026;2$y",
        b"\x1b[>41;354;0c",
        b"\x1bP>|tmux 3.4\x1b\\",
        b"\x1b_Gi=31;OK\x1b\\",
        b"\x1b[?1u",
    ] {
        for cut in 1..reply.len() {
            let found = decode_slowly(&[&reply[..cut], &reply[cut..]]);
            // The escape byte alone is the Esc key, and nothing more.
            let expected = if cut == 1 { vec![Input::Key(Key::plain(KeyCode::Esc))] } else { Vec::new() };
            assert_eq!(found, expected, "{} cut at {cut}", reply.escape_ascii());
        }
    }
    // What a person types after a report that never ended is taken, but for the key that seems to end it.
    assert_eq!(decode_slowly(&[b"\x1b[?62", b"j", b"j"]), [Input::Key(Key::char('j'))]);
    assert_eq!(decode_slowly(&[b"\x1b[?62", b"\x03"]), [Input::Key(Key::ctrl('c'))]);
    assert_eq!(decode_slowly(&[b"\x1b]11;rgb", b"j"]), [Input::Key(Key::char('j'))]);
    assert_eq!(decode_slowly(&[b"\x1b[", b"1", b"2", b"j"]).len(), 3, "Alt-[ and a count");
}

#[test]
fn a_stray_string_start_does_not_freeze_the_keys() {
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    decoder.feed(b"\x1b]", &mut out);
    assert!(decoder.patience().is_some());
    decoder.give_up(&mut out);
    decoder.feed(b"j", &mut out);
    assert_eq!(out, [Input::Key(Key::char('j'))]);
    out.clear();
    decoder.feed(b"\x1bP\x03", &mut out);
    assert_eq!(out, [Input::Key(Key::ctrl('c'))]);
}

#[test]
fn pastes_arrive_whole_and_bounded() {
    assert_eq!(decode(&[b"\x1b[200~a\x1b[3", b"1mq\r\n\x1b[201", b"~"]), [Input::Paste("a\x1b[31mq\r\n".into())]);
    let mut long = b"\x1b[200~".to_vec();
    long.resize(long.len() + MAX_PASTE + 1000, b'x');
    long.extend(PASTE_END);
    long.push(b'j');
    let out = decode(&[&long]);
    assert!(matches!(&out[0], Input::Paste(text) if text.len() == MAX_PASTE));
    assert_eq!(out[1], Input::Key(Key::char('j')));
    // The end never comes.
    assert_eq!(decode(&[b"\x1b[200~abc"]), [Input::Paste("abc".into())]);
}

#[test]
fn mouse_reports_count_from_zero() {
    let out = decode(&[b"\x1b[<0;5;3M\x1b[<0;5;3m\x1b[<64;1;1M\x1b[<32;9;9M\x1b[<0;0;1M\x1b[<0;99999;1M"]);
    let kinds: Vec<_> = out
        .iter()
        .map(|input| match input {
            Input::Mouse(m) => (m.kind, m.column, m.row),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            (MouseEventKind::Down(MouseButton::Left), 4, 2),
            (MouseEventKind::Up(MouseButton::Left), 4, 2),
            (MouseEventKind::ScrollUp, 0, 0),
            (MouseEventKind::Drag(MouseButton::Left), 8, 8),
        ]
    );
}

#[test]
fn broken_utf8_is_dropped() {
    assert_eq!(keys(b"\xff\xc3a\x80\xe6\x9d"), "a");
    assert_eq!(keys(b"\xc2\x9b31m"), "3 1 m", "a C1 control is never a key of its own");
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_mean_the_same(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
        let cut = cut.min(bytes.len());
        prop_assert_eq!(decode(&[&bytes[..cut], &bytes[cut..]]), decode(&[&bytes]));
    }

    #[test]
    fn no_key_is_a_control_character(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for input in decode(&[&bytes]) {
            if let Input::Key(key) = input {
                prop_assert!(key.typed().is_none_or(|c| !c.is_control()));
            }
        }
    }
}
