//! A scatter plot as plain data: what [`super::html`] turns into a page, and what the page's script reads.
//!
//! Nothing here knows what the points are. Arrays have one entry a point, in one order; numbers that are not known are
//! NaN. In a page arrays of numbers are base64 of little-endian values under the name of their type (`{"f32": "…"}`),
//! which is a third of their size as decimal text and exact.

use crate::text::base64;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Values of points.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Numbers {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, bytes) = match self {
            Self::U8(all) => ("u8", all.clone()),
            Self::U16(all) => ("u16", all.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Self::U32(all) => ("u32", all.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Self::F32(all) => ("f32", all.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Self::F64(all) => ("f64", all.iter().flat_map(|x| x.to_le_bytes()).collect()),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(name, &base64(&bytes))?;
        map.end()
    }
}

/// The class of a point that has none.
pub const NO_CLASS: u16 = u16::MAX;

/// A plot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plot {
    /// What many points are called: `features`.
    pub many: String,
    /// What stands before the number of a point: `#`.
    pub hash: String,
    /// The number of each point.
    pub ids: Numbers,
    /// Coordinates.
    pub axes: Vec<Axis>,
    /// Pairs of them to look at.
    pub planes: Vec<Plane>,
    /// Which pair comes first.
    pub plane: usize,
    /// Ways to put points in classes.
    pub classings: Vec<Classing>,
    /// Numbers of points.
    pub measures: Vec<Measure>,
    /// What colours come first: a classing, or after these a measure with a ramp, or after these a feature of `firing`.
    pub colour: usize,
    /// Words of points.
    pub texts: Vec<Texts>,
    /// Text around each point: before, its own, after.
    pub passages: Option<Vec<[String; 3]>>,
    /// What fires on each point.
    pub firing: Option<Firing>,
    /// The points truly nearest to each.
    pub near: Option<Near>,
    /// Points that are drawn faint.
    pub faint: Option<Faint>,
    /// Points to be pointed out.
    pub marked: Vec<u32>,
    /// The point whose card is open first.
    pub selected: Option<u32>,
    /// What is searched first.
    pub query: String,
    /// Words that stand on the plot, the most important first.
    pub written: Vec<Written>,
    /// The classing whose classes are those of `written`.
    pub lettered: Option<usize>,
    /// Colours.
    pub palettes: Palettes,
}

/// Points that are drawn faint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Faint {
    /// 1 for those that are.
    pub of: Numbers,
    /// Why they are.
    pub why: String,
    /// Whether their cards can be had all the same.
    pub asked: bool,
}

/// One coordinate of all points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// Where the points are.
    pub values: Numbers,
}

/// Two axes to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plane {
    /// Its name.
    pub name: String,
    /// The axis to the right.
    pub x: usize,
    /// The axis upwards.
    pub y: usize,
}

/// A way to put points in classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classing {
    /// What a class is called: `cluster`.
    pub name: String,
    /// The class of each point, or [`NO_CLASS`].
    pub of: Numbers,
    /// The classes.
    pub classes: Vec<Class>,
    /// What it means to have none.
    pub none: String,
}

/// A class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Class {
    /// A letter or a number, so that colour never speaks alone.
    pub mark: String,
    /// What it is about.
    pub name: String,
}

/// A number of each point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// The numbers.
    pub values: Numbers,
    /// Whether they are shares, to be told in percent.
    pub share: bool,
    /// How colours tell them, if they do.
    pub ramp: Option<Ramp>,
}

/// From which value to which a ramp of colours goes, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ramp {
    /// The lowest step begins here.
    pub low: f64,
    /// The highest ends here.
    pub high: f64,
    /// Whether steps are steps of the logarithm.
    pub log: bool,
    /// Whether values are angles: up to 0 and down again, so that the ends meet.
    pub round: bool,
}

/// Words of each point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Texts {
    /// What they are.
    pub name: String,
    /// Of each point, a text, or several, or none.
    pub values: Vec<Words>,
}

/// Words of one point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Words {
    /// Not there.
    None,
    /// A text.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// How strongly features fire on points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Firing {
    /// Numbers of the features.
    pub features: Vec<u32>,
    /// What each is about.
    pub names: Vec<String>,
    /// Where the entries of each point begin, and where the last ones end.
    pub starts: Numbers,
    /// Places among `features`.
    pub which: Numbers,
    /// Activations.
    pub values: Numbers,
}

/// The nearest points of each, nearest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Near {
    /// How many.
    pub k: usize,
    /// Which points.
    pub of: Numbers,
    /// Their cosines.
    pub cosines: Numbers,
}

/// A word on the plot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// The word.
    pub text: String,
    /// Its class.
    pub class: u16,
    /// Where it stands, on each axis.
    pub at: Vec<f32>,
}

/// Colours on either ground.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Palettes {
    /// Light on dark.
    pub dark: Palette,
    /// Dark on light.
    pub light: Palette,
}

/// Colours as `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Palette {
    /// What lies behind.
    pub ground: String,
    /// Words and rings.
    pub ink: String,
    /// Points without classes or measures.
    pub plain: String,
    /// Points in no class, and those whose number is not known.
    pub none: String,
    /// Points that are left out.
    pub faint: String,
    /// Classes, in turn.
    pub hues: Vec<String>,
    /// Steps of ramps, from low to high.
    pub steps: Vec<String>,
}
