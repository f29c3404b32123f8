//! A pickle read as data: its opcodes build plain values, and nothing that it names is ever called.
//!
//! Protocols 0 to 5. Classes and functions become [`Value::Global`]; calling one builds a [`Value::Object`] that
//! remembers the name and the arguments, and whoever reads the result decides what it stands for (`torch` does for
//! tensors and storages). Values lie in one list and refer to each other by place, so that shared and even circular
//! structures cost what their bytes cost. Every opcode makes at most one value, and text stays where it lies in the
//! file: memory is bounded by a small multiple of the pickle's length.
//!
//! Source: CPython, `Lib/pickletools.py`, which describes every opcode.

use std::collections::HashMap;
use std::ops::Range;

/// More values than a state dict or its configuration has; 400 MB at most.
const MAX_VALUES: usize = 1 << 22;

/// Place of a value in [`Pickle::values`].
pub(super) type Id = u32;

/// One value of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits.
    Huge,
    Float(f64),
    /// Text of the pickle; [`Pickle::text`] gives it.
    Text(Range<usize>),
    /// Text that was escaped in the file.
    Escaped(String),
    /// Bytes of the pickle.
    Bytes(Range<usize>),
    /// A list, or a set.
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function, by module and name.
    Global(String, String),
    /// What calling a class or function would have made.
    Object(Object),
    /// What the file keeps outside of its pickle, by this id: a storage.
    Persistent(Id),
    /// Marks the start of a group on the stack; never part of a result.
    Mark,
}

/// A call that was not made.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Object {
    /// The class or function.
    pub(super) class: Id,
    /// Its arguments: a tuple.
    pub(super) args: Id,
    /// What it was to be set up with.
    pub(super) state: Option<Id>,
    /// What was to be stored in it by key, or appended.
    pub(super) items: Vec<(Id, Id)>,
}

/// A pickle that was read.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    bytes: &'a [u8],
    values: Vec<Value>,
    /// The value that it stands for.
    pub(super) root: Id,
    /// Bytes up to and with its end.
    pub(super) length: usize,
}

/// What is wrong with a pickle, and at which byte.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Broken {
    pub(super) at: usize,
    pub(super) what: String,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle at the start of `bytes`.
    ///
    /// # Errors
    /// If it ends early, uses an opcode that is not known, or contradicts itself.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Broken> {
        let mut machine = Machine { bytes, at: 0, values: Vec::new(), stack: Vec::new(), memo: HashMap::new() };
        let root = machine.run()?;
        Ok(Self { bytes, root, length: machine.at, values: machine.values })
    }
    /// The value at a place.
    pub(super) fn get(&self, id: Id) -> &Value {
        self.values.get(id as usize).unwrap_or(&Value::None)
    }
    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
    /// The text at a place, if it is one.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(range) => std::str::from_utf8(&self.bytes[range.clone()]).ok(),
            Value::Escaped(text) => Some(text),
            _ => None,
        }
    }
    /// The bytes at a place, if it is bytes, or text that stands for bytes.
    pub(super) fn raw(&self, id: Id) -> Option<&'a [u8]> {
        match self.get(id) {
            Value::Bytes(range) | Value::Text(range) => Some(&self.bytes[range.clone()]),
            _ => None,
        }
    }
    /// The integer at a place, if it is one.
    pub(super) fn int(&self, id: Id) -> Option<i64> {
        if let Value::Int(int) = self.get(id) { Some(*int) } else { None }
    }
    /// The elements of a tuple or list at a place.
    pub(super) fn elements(&self, id: Id) -> Option<&[Id]> {
        if let Value::Tuple(all) | Value::List(all) = self.get(id) { Some(all) } else { None }
    }
    /// Module and name of the class or function at a place.
    pub(super) fn global(&self, id: Id) -> Option<(&str, &str)> {
        if let Value::Global(module, name) = self.get(id) { Some((module, name)) } else { None }
    }
}

/// The machine that opcodes drive.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    memo: HashMap<u64, Id>,
}

type Step<T> = Result<T, Broken>;

impl<'a> Machine<'a> {
    fn run(&mut self) -> Step<Id> {
        loop {
            let start = self.at;
            let op = self.take(1)?[0];
            if op == b'.' {
                return self.pop();
            }
            self.step(op).map_err(|broken| Broken { at: start, ..broken })?;
        }
    }
    fn broken<T>(&self, what: impl Into<String>) -> Step<T> {
        Err(Broken { at: self.at, what: what.into() })
    }
    fn step(&mut self, op: u8) -> Step<()> {
        match op {
            // Protocol and frames.
            0x80 => self.take(1).map(|_| ()),
            0x95 => self.take(8).map(|_| ()),
            // Plain values.
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' => self.number(4).and_then(|n| self.push(Value::Int(i64::from(n as u32 as i32)))),
            b'K' => self.number(1).and_then(|n| self.push(Value::Int(n as i64))),
            b'M' => self.number(2).and_then(|n| self.push(Value::Int(n as i64))),
            b'I' | b'L' => self.decimal(),
            0x8a => self.number(1).and_then(|n| self.long(n)),
            0x8b => self.number(4).and_then(|n| self.long(n)),
            b'F' => {
                let line = self.line()?;
                let float = std::str::from_utf8(line).ok().and_then(|text| text.trim().parse().ok());
                let Some(float) = float else { return self.broken("a number that is none") };
                self.push(Value::Float(float))
            }
            b'G' => {
                let bits = self.take(8)?.try_into().map(u64::from_be_bytes).unwrap_or_default();
                self.push(Value::Float(f64::from_bits(bits)))
            }
            // Text and bytes.
            b'S' => {
                let line = self.line()?.trim_ascii();
                let inner = line.get(1..line.len().saturating_sub(1)).unwrap_or_default();
                self.push(Value::Escaped(unescape(inner, false)))
            }
            b'V' => {
                let text = unescape(self.line()?, true);
                self.push(Value::Escaped(text))
            }
            b'X' => self.text(4),
            0x8c => self.text(1),
            0x8d => self.text(8),
            // Strings of Python 2 are bytes that are mostly text.
            b'U' => self.old_text(1),
            b'T' => self.old_text(4),
            b'C' => self.raw(1),
            b'B' => self.raw(4),
            0x8e | 0x96 => self.raw(8),
            // Containers.
            b')' => self.push(Value::Tuple(Vec::new())),
            b']' | 0x8f => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' => self.group().and_then(|all| self.push(Value::Tuple(all))),
            b'l' | 0x91 => self.group().and_then(|all| self.push(Value::List(all))),
            b'd' => {
                let pairs = self.group()?.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
                self.push(Value::Dict(pairs))
            }
            0x85..=0x87 => {
                let n = usize::from(op - 0x84);
                let all = self.pop_many(n)?;
                self.push(Value::Tuple(all))
            }
            b'a' => self.pop().and_then(|item| self.append(vec![item])),
            b'e' | 0x90 => self.group().and_then(|items| self.append(items)),
            b's' => self.pop_many(2).and_then(|pair| self.set_items(&pair)),
            b'u' => self.group().and_then(|pairs| self.set_items(&pairs)),
            // Classes, functions, and what would be made of them.
            b'c' => {
                let (module, name) = (self.word()?, self.word()?);
                self.push(Value::Global(module, name))
            }
            0x93 => {
                let pair = self.pop_many(2)?;
                let word = |id: &Id| self.words(*id);
                let (Some(module), Some(name)) = (word(&pair[0]), word(&pair[1])) else {
                    return self.broken("a class without a name");
                };
                self.push(Value::Global(module, name))
            }
            b'R' | 0x81 => {
                let pair = self.pop_many(2)?;
                self.push(Value::Object(Object { class: pair[0], args: pair[1], ..Object::default() }))
            }
            0x92 => {
                let all = self.pop_many(3)?;
                self.push(Value::Object(Object { class: all[0], args: all[1], ..Object::default() }))
            }
            b'i' => {
                let (module, name) = (self.word()?, self.word()?);
                let args = self.group()?;
                let class = self.add(Value::Global(module, name))?;
                let args = self.add(Value::Tuple(args))?;
                self.push(Value::Object(Object { class, args, ..Object::default() }))
            }
            b'o' => {
                let all = self.group()?;
                let Some((&class, args)) = all.split_first() else { return self.broken("a class is missing") };
                let args = self.add(Value::Tuple(args.to_vec()))?;
                self.push(Value::Object(Object { class, args, ..Object::default() }))
            }
            b'b' => {
                let state = self.pop()?;
                let top = self.top()?;
                if let Value::Object(object) = &mut self.values[top as usize] {
                    object.state = Some(state);
                }
                Ok(())
            }
            b'P' => {
                let word = self.word()?;
                let id = self.add(Value::Escaped(word))?;
                self.push(Value::Persistent(id))
            }
            b'Q' => self.pop().and_then(|id| self.push(Value::Persistent(id))),
            // The stack and the memo.
            b'(' => self.push(Value::Mark),
            b'0' => self.pop().map(|_| ()),
            b'1' => self.group().map(|_| ()),
            b'2' => self.top().map(|top| self.stack.push(top)),
            b'p' => self.place().and_then(|place| self.remember(place)),
            b'q' => self.number(1).and_then(|place| self.remember(place)),
            b'r' => self.number(4).and_then(|place| self.remember(place)),
            0x94 => {
                let place = self.memo.len() as u64;
                self.remember(place)
            }
            b'g' => self.place().and_then(|place| self.recall(place)),
            b'h' => self.number(1).and_then(|place| self.recall(place)),
            b'j' => self.number(4).and_then(|place| self.recall(place)),
            other => self.broken(format!("the opcode {other:#04x}, which is none of a pickle")),
        }
    }
    fn take(&mut self, n: usize) -> Step<&'a [u8]> {
        let end = self.at.checked_add(n).filter(|&end| end <= self.bytes.len());
        let Some(end) = end else { return self.broken("it is cut short") };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }
    /// A little-endian number of up to 8 bytes.
    fn number(&mut self, n: usize) -> Step<u64> {
        Ok(self.take(n)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }
    fn range(&mut self, width: usize) -> Step<Range<usize>> {
        let length = self.number(width)?;
        let start = self.at;
        let Ok(length) = usize::try_from(length) else { return self.broken("it is cut short") };
        self.take(length)?;
        Ok(start..self.at)
    }
    fn text(&mut self, width: usize) -> Step<()> {
        let range = self.range(width)?;
        // Python writes half a surrogate pair as three bytes that no other reader takes.
        match std::str::from_utf8(&self.bytes[range.clone()]) {
            Ok(_) => self.push(Value::Text(range)),
            Err(_) => self.push(Value::Escaped(String::from_utf8_lossy(&self.bytes[range]).into_owned())),
        }
    }
    fn old_text(&mut self, width: usize) -> Step<()> {
        let range = self.range(width)?;
        let is_text = std::str::from_utf8(&self.bytes[range.clone()]).is_ok();
        self.push(if is_text { Value::Text(range) } else { Value::Bytes(range) })
    }
    fn raw(&mut self, width: usize) -> Step<()> {
        self.range(width).and_then(|range| self.push(Value::Bytes(range)))
    }
    fn line(&mut self) -> Step<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.iter().position(|&byte| byte == b'\n') else { return self.broken("it is cut short") };
        self.at += length + 1;
        Ok(&rest[..length])
    }
    fn word(&mut self) -> Step<String> {
        Ok(String::from_utf8_lossy(self.line()?.trim_ascii_end()).into_owned())
    }
    fn words(&self, id: Id) -> Option<String> {
        match &self.values[id as usize] {
            Value::Text(range) => Some(String::from_utf8_lossy(&self.bytes[range.clone()]).into_owned()),
            Value::Escaped(text) => Some(text.clone()),
            _ => None,
        }
    }
    fn decimal(&mut self) -> Step<()> {
        let word = self.word()?;
        let value = match word.trim_end_matches('L') {
            "00" => Value::Bool(false),
            "01" => Value::Bool(true),
            digits => match digits.parse() {
                Ok(int) => Value::Int(int),
                Err(_) if !digits.is_empty() && digits.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) => {
                    Value::Huge
                }
                Err(_) => return self.broken("a number that is none"),
            },
        };
        self.push(value)
    }
    fn long(&mut self, length: u64) -> Step<()> {
        let Ok(length) = usize::try_from(length) else { return self.broken("it is cut short") };
        let bytes = self.take(length)?;
        if length > 8 {
            return self.push(Value::Huge);
        }
        let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        let mut whole = [fill; 8];
        whole[..length].copy_from_slice(bytes);
        self.push(Value::Int(i64::from_le_bytes(whole)))
    }
    fn add(&mut self, value: Value) -> Step<Id> {
        if self.values.len() >= MAX_VALUES {
            return self.broken(format!("it has more than {MAX_VALUES} values"));
        }
        self.values.push(value);
        Ok((self.values.len() - 1) as Id)
    }
    fn push(&mut self, value: Value) -> Step<()> {
        let id = self.add(value)?;
        self.stack.push(id);
        Ok(())
    }
    fn top(&self) -> Step<Id> {
        match self.stack.last() {
            Some(&id) if self.values[id as usize] != Value::Mark => Ok(id),
            _ => self.broken("it takes more values than it made"),
        }
    }
    fn pop(&mut self) -> Step<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }
    fn pop_many(&mut self, n: usize) -> Step<Vec<Id>> {
        let mut all = (0..n).map(|_| self.pop()).collect::<Step<Vec<Id>>>()?;
        all.reverse();
        Ok(all)
    }
    /// What was pushed since the last mark.
    fn group(&mut self) -> Step<Vec<Id>> {
        let mark = self.stack.iter().rposition(|&id| self.values[id as usize] == Value::Mark);
        let Some(mark) = mark else { return self.broken("it ends a group that was not begun") };
        let group = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(group)
    }
    fn append(&mut self, items: Vec<Id>) -> Step<()> {
        let top = self.top()?;
        match &mut self.values[top as usize] {
            Value::List(list) => list.extend(items),
            Value::Object(object) => object.items.extend(items.into_iter().map(|item| (item, item))),
            _ => return self.broken("it appends to what is no list"),
        }
        Ok(())
    }
    fn set_items(&mut self, flat: &[Id]) -> Step<()> {
        let top = self.top()?;
        let pairs = flat.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        match &mut self.values[top as usize] {
            Value::Dict(dict) => dict.extend(pairs),
            Value::Object(object) => object.items.extend(pairs),
            _ => return self.broken("it stores by key in what is no dictionary"),
        }
        Ok(())
    }
    fn place(&mut self) -> Step<u64> {
        let word = self.word()?;
        word.parse().or_else(|_| self.broken("a place that is no number"))
    }
    fn remember(&mut self, place: u64) -> Step<()> {
        let top = self.top()?;
        self.memo.insert(place, top);
        Ok(())
    }
    fn recall(&mut self, place: u64) -> Step<()> {
        let Some(&id) = self.memo.get(&place) else {
            return self.broken(format!("it recalls {place}, which it did not remember"));
        };
        self.stack.push(id);
        Ok(())
    }
}

/// Text as protocol 0 escapes it: `\u0041` where `unicode`, else `\x41` and the usual letters.
fn unescape(line: &[u8], unicode: bool) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let digits = match escape.chars().next() {
            Some('u') if unicode => 4,
            Some('U') if unicode => 8,
            Some('x') => 2,
            _ => 0,
        };
        let code = escape.get(1..=digits).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        if let (1.., Some(c)) = (digits, code) {
            out.push(c);
            rest = &escape[1 + digits..];
            continue;
        }
        let (c, length) = match escape.chars().next() {
            Some('n') if !unicode => ('\n', 1),
            Some('t') if !unicode => ('\t', 1),
            Some('r') if !unicode => ('\r', 1),
            Some(c @ ('\\' | '\'' | '"')) if !unicode => (c, 1),
            _ => ('\\', 0),
        };
        out.push(c);
        rest = &escape[length..];
    }
    out + rest
}
