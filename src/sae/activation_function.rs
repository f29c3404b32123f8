//! The activation function of a dictionary, and the one place where it is chosen.
//!
//! A format reads what its files hold ([`Parts`]); the user may say otherwise ([`OpenOptions`]); [`choose`] puts the
//! two together. What is named but lacks a part that encoding needs is [`Activation::Incomplete`], and what nobody names
//! is [`Activation::Unknown`]: geometry works with both, encoding refuses them. Nothing is taken for ReLU that does not
//! say so.

use super::open::OpenOptions;
use crate::error::{MAX_NAME, Problem, Result};
use crate::text::{clip, thousands};

/// The activation function with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum Activation {
    /// max(pre, 0).
    Relu,
    /// The `k` largest pre-activations of a token, then ReLU unless `negatives` are kept.
    TopK {
        /// How many features may fire.
        k: usize,
        /// Whether negative values among the k largest stay.
        negatives: bool,
    },
    /// The `k` largest by magnitude, sign kept.
    AbsTopK {
        /// How many features may fire.
        k: usize,
    },
    /// The largest pre-activation of each of `k` equal runs of features, then ReLU.
    GroupMax {
        /// How many groups there are.
        k: usize,
    },
    /// Training-time top-k over a batch; at inference a threshold, where the file has one.
    BatchTopK {
        /// Mean number of features per token.
        k: Option<usize>,
        /// Inference threshold, one value or one per feature.
        threshold: Option<Vec<f32>>,
    },
    /// pre where pre > threshold (strict), else 0; one threshold, or one per feature.
    JumpRelu {
        /// One value, or one per feature.
        threshold: Vec<f32>,
    },
    /// (x·W + b_gate > 0) · ReLU(x·(W·exp(r_mag)) + b_mag).
    Gated {
        /// GateVectors bias, per feature.
        b_gate: Vec<f32>,
        /// Magnitude scale (log), per feature.
        r_mag: Vec<f32>,
        /// Magnitude bias, per feature.
        b_mag: Vec<f32>,
    },
    /// The file names it, but lacks a part of it.
    Incomplete {
        /// The name that `info` prints.
        name: &'static str,
        /// What is missing.
        lacks: &'static str,
        /// What settles it.
        hint: &'static str,
    },
    /// The file does not say; `--arch` settles it.
    Unknown,
}

impl Activation {
    /// The name that `info` prints: relu, topk, abstopk, groupmax, batchtopk, jumprelu, gated, unknown.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::TopK { .. } => "topk",
            Self::AbsTopK { .. } => "abstopk",
            Self::GroupMax { .. } => "groupmax",
            Self::BatchTopK { .. } => "batchtopk",
            Self::JumpRelu { .. } => "jumprelu",
            Self::Gated { .. } => "gated",
            Self::Incomplete { name, .. } => name,
            Self::Unknown => "unknown",
        }
    }
    /// How many features may fire (for batch top-k on average), where that is known.
    pub fn k(&self) -> Option<usize> {
        match self {
            Self::TopK { k, .. } | Self::AbsTopK { k } | Self::GroupMax { k } => Some(*k),
            Self::BatchTopK { k, .. } => *k,
            _ => None,
        }
    }
    /// The smallest and the largest threshold, where there are any; values that are not finite do not count.
    pub fn threshold_range(&self) -> Option<(f32, f32)> {
        let (Self::JumpRelu { threshold } | Self::BatchTopK { threshold: Some(threshold), .. }) = self else {
            return None;
        };
        let finite = || threshold.iter().copied().filter(|x| x.is_finite());
        Some((finite().reduce(f32::min)?, finite().reduce(f32::max)?))
    }
    /// Name and parameters for people: `topk 32`, `jumprelu, threshold 0.31..2.4`.
    pub fn describe(&self) -> String {
        let mut text = self.name().to_string();
        if let Some(k) = self.k() {
            text.push_str(&format!(" {k}"));
        }
        match self {
            Self::TopK { negatives: true, .. } => text.push_str(", negative values kept"),
            Self::BatchTopK { threshold: None, .. } => text.push_str(", threshold missing"),
            Self::Incomplete { lacks, .. } => text.push_str(&format!(", {lacks} missing")),
            _ => {}
        }
        match self.threshold_range() {
            Some((low, high)) if low == high => text.push_str(&format!(", threshold {low}")),
            Some((low, high)) => text.push_str(&format!(", threshold {low}..{high}")),
            None => {}
        }
        text
    }
}

/// What the files of a dictionary hold of an activation function.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The architecture that the files name.
    pub(super) stated: Option<String>,
    pub(super) k: Option<usize>,
    /// One value, or one a feature.
    pub(super) threshold: Option<Vec<f32>>,
    pub(super) gate: Option<GateVectors>,
    /// Whether top-k keeps negative values.
    pub(super) negatives: bool,
}

/// The vectors of a gated encoder, one value a feature each.
#[derive(Debug)]
pub(super) struct GateVectors {
    pub(super) b_gate: Vec<f32>,
    pub(super) r_mag: Vec<f32>,
    pub(super) b_mag: Vec<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Relu,
    TopK,
    AbsTopK,
    GroupMax,
    BatchTopK,
    JumpRelu,
    Gated,
    /// Encodes by steps that are no function of one pre-activation.
    Stepwise,
}

/// Every name of an architecture, as files and users write it; `info`'s own name of a function is its first.
const NAMES: &[(&str, Function)] = &[
    ("relu", Function::Relu),
    ("standard", Function::Relu),
    ("transcoder", Function::Relu),
    ("skip_transcoder", Function::Relu),
    ("topk", Function::TopK),
    ("abstopk", Function::AbsTopK),
    ("groupmax", Function::GroupMax),
    ("batchtopk", Function::BatchTopK),
    ("matryoshka_batchtopk", Function::BatchTopK),
    ("jumprelu", Function::JumpRelu),
    ("jumprelu_transcoder", Function::JumpRelu),
    ("jumprelu_skip_transcoder", Function::JumpRelu),
    ("gated", Function::Gated),
    ("matching_pursuit", Function::Stepwise),
    ("temporal", Function::Stepwise),
];

fn named(name: &str) -> Option<Function> {
    NAMES.iter().find(|(other, _)| *other == name).map(|(_, function)| *function)
}

impl Function {
    fn name(self) -> &'static str {
        NAMES.iter().find(|(_, function)| *function == self).map_or("unknown", |(name, _)| name)
    }
    fn uses_k(self) -> bool {
        matches!(self, Self::TopK | Self::AbsTopK | Self::GroupMax | Self::BatchTopK)
    }
    fn uses_threshold(self) -> bool {
        matches!(self, Self::BatchTopK | Self::JumpRelu)
    }
}

/// The activation function by what the files hold and what the user says over it. Says in `warnings` what was guessed,
/// what is missing, and where the user contradicts the files.
///
/// # Errors
/// If the user names no function, or a parameter that is out of range, means nothing or is missing for it.
pub(super) fn choose(
    mut parts: Parts,
    options: &OpenOptions,
    features: usize,
    warnings: &mut Vec<String>,
) -> Result<Activation> {
    let chosen = options.arch.as_deref().map(by_user).transpose()?;
    let function = chosen.or_else(|| by_files(&parts, warnings));
    check(options, function, features)?;
    if let Some(k) = parts.k.take_if(|k| !(1..=features).contains(k)) {
        let features = thousands(features as u64);
        warnings.push(format!("the file says that k is {k}, which is no number of its {features} features"));
    }
    if let (Some(chosen), Some(stated)) = (chosen, &parts.stated)
        && named(stated) != Some(chosen)
    {
        let stated = clip(stated, MAX_NAME);
        warnings.push(format!("the files say {stated}; taken as {}, as --arch says", chosen.name()));
    }
    let Some(function) = function else { return Ok(Activation::Unknown) };
    if let (Some(said), Some(stated)) = (options.k, parts.k)
        && said != stated
    {
        warnings.push(format!("the files say that k is {stated}; taken as {said}, as --k says"));
    }
    let k = options.k.or(parts.k);
    let threshold = options.threshold.map(|t| vec![t]).or(parts.threshold);
    let negatives = parts.negatives;
    let mut lacking = |lacks: &'static str, hint: &'static str| {
        let name = function.name();
        if chosen.is_some() {
            return Err(Problem::new(format!("the file has no {lacks} for --arch {name}")).hint(hint).usage());
        }
        warnings.push(format!("the architecture is {name}, but the files have no {lacks}; encoding needs {hint}"));
        Ok(Activation::Incomplete { name, lacks, hint })
    };
    match function {
        Function::Relu => Ok(Activation::Relu),
        Function::TopK => k.map_or_else(|| lacking("k", "--k K"), |k| Ok(Activation::TopK { k, negatives })),
        Function::AbsTopK => k.map_or_else(|| lacking("k", "--k K"), |k| Ok(Activation::AbsTopK { k })),
        Function::GroupMax => k.map_or_else(|| lacking("k", "--k K"), |k| Ok(Activation::GroupMax { k })),
        Function::BatchTopK => {
            if threshold.is_none() {
                let hint = "encoding needs --threshold VALUE, or --arch topk --k K";
                warnings.push(format!("batch top-k without the threshold that training leaves; {hint}"));
            }
            Ok(Activation::BatchTopK { k, threshold })
        }
        Function::JumpRelu => threshold.map_or_else(
            || lacking("threshold", "--threshold VALUE"),
            |threshold| Ok(Activation::JumpRelu { threshold }),
        ),
        Function::Gated => parts.gate.map_or_else(
            || lacking("gate (b_gate, r_mag, b_mag)", "the file that has it"),
            |GateVectors { b_gate, r_mag, b_mag }| Ok(Activation::Gated { b_gate, r_mag, b_mag }),
        ),
        Function::Stepwise => Ok(Activation::Unknown),
    }
}

fn by_user(name: &str) -> Result<Function> {
    named(name).filter(|function| *function != Function::Stepwise).ok_or_else(|| {
        Problem::new(format!("no activation function is called {name}"))
            .expected("relu, topk, abstopk, groupmax, batchtopk, jumprelu or gated")
            .usage()
    })
}

fn by_files(parts: &Parts, warnings: &mut Vec<String>) -> Option<Function> {
    let mut say = |text: String| warnings.push(text);
    let Some(stated) = &parts.stated else {
        let (function, by) = match (&parts.gate, &parts.threshold) {
            (Some(_), _) => (Function::Gated, "gate"),
            (None, Some(_)) => (Function::JumpRelu, "threshold"),
            (None, None) => {
                say("no file says the activation function (relu, or topk?); --arch settles it".into());
                return None;
            }
        };
        say(format!("no file says the activation function: taken as {}, by its {by}", function.name()));
        return Some(function);
    };
    let function = named(stated);
    match function {
        Some(Function::Stepwise) => {
            say(format!("{stated} encodes step by step, which is not in this build; its geometry is"));
        }
        Some(_) => {}
        None => say(format!("the architecture {} is not known; --arch settles it", clip(stated, MAX_NAME))),
    }
    function
}

/// Whether the user's parameters are in range and mean something for `function`.
fn check(options: &OpenOptions, function: Option<Function>, features: usize) -> Result<()> {
    let usage = |what: String| Err(Problem::new(what).usage());
    if options.k.is_some_and(|k| k == 0 || k > features) {
        return usage(format!("--k must lie between 1 and the number of features, {features}"));
    }
    if options.threshold.is_some_and(|t| !t.is_finite()) {
        return usage("--threshold must be a finite number".into());
    }
    let name = function.map_or("an activation function that no file names", Function::name);
    if options.k.is_some() && !function.is_some_and(Function::uses_k) {
        return usage(format!(
            "--k means nothing for {name}; it goes with --arch topk, abstopk, groupmax or batchtopk"
        ));
    }
    if options.threshold.is_some() && !function.is_some_and(Function::uses_threshold) {
        return usage(format!("--threshold means nothing for {name}; it goes with --arch jumprelu or batchtopk"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(stated: &str) -> Parts {
        Parts { stated: (!stated.is_empty()).then(|| stated.into()), ..Parts::default() }
    }
    fn all(stated: &str) -> Parts {
        let gate = GateVectors { b_gate: vec![1.0], r_mag: vec![2.0], b_mag: vec![3.0] };
        Parts { k: Some(3), threshold: Some(vec![0.5]), gate: Some(gate), ..parts(stated) }
    }
    fn arch(name: &str) -> OpenOptions {
        OpenOptions { arch: Some(name.into()), ..OpenOptions::default() }
    }
    fn chosen(parts: Parts, options: &OpenOptions) -> (Activation, Vec<String>) {
        let mut warnings = Vec::new();
        (choose(parts, options, 10, &mut warnings).unwrap(), warnings)
    }
    fn refused(parts: Parts, options: &OpenOptions) -> String {
        choose(parts, options, 10, &mut Vec::new()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_named_and_whole_is_taken_in_silence() {
        let plain = OpenOptions::default();
        for (stated, expected) in [
            ("standard", Activation::Relu),
            ("topk", Activation::TopK { k: 3, negatives: false }),
            ("abstopk", Activation::AbsTopK { k: 3 }),
            ("groupmax", Activation::GroupMax { k: 3 }),
            ("matryoshka_batchtopk", Activation::BatchTopK { k: Some(3), threshold: Some(vec![0.5]) }),
            ("jumprelu_transcoder", Activation::JumpRelu { threshold: vec![0.5] }),
            ("gated", Activation::Gated { b_gate: vec![1.0], r_mag: vec![2.0], b_mag: vec![3.0] }),
        ] {
            assert_eq!(chosen(all(stated), &plain), (expected, Vec::new()), "{stated}");
        }
    }

    #[test]
    fn what_is_named_without_its_parts_is_incomplete_and_never_another_function() {
        for (stated, lacks) in [("topk", "k"), ("abstopk", "k"), ("jumprelu", "threshold"), ("gated", "gate")] {
            let (activation, warnings) = chosen(parts(stated), &OpenOptions::default());
            let Activation::Incomplete { name, lacks: found, .. } = activation else { panic!("{activation:?}") };
            assert!(name == stated && found.starts_with(lacks), "{name} lacks {found}");
            assert!(warnings[0].contains("encoding needs"), "{warnings:?}");
            assert!(refused(parts("standard"), &arch(stated)).contains(&format!("no {found} for --arch {stated}")));
        }
        let settled = OpenOptions { k: Some(4), ..OpenOptions::default() };
        assert_eq!(chosen(parts("topk"), &settled), (Activation::TopK { k: 4, negatives: false }, Vec::new()));
    }

    #[test]
    fn what_nobody_names_is_told_by_its_tensors_or_unknown() {
        let plain = OpenOptions::default();
        let without_gate = Parts { gate: None, ..all("") };
        let nothing = Parts { k: Some(3), ..parts("") };
        for (parts, name, words) in [
            (all(""), "gated", "by its gate"),
            (without_gate, "jumprelu", "by its threshold"),
            (nothing, "unknown", "--arch settles it"),
            (all("quantum"), "unknown", "quantum is not known"),
            (all("temporal"), "unknown", "step by step"),
        ] {
            let (activation, warnings) = chosen(parts, &plain);
            assert_eq!((activation.name(), warnings.len()), (name, 1));
            assert!(warnings[0].contains(words), "{warnings:?}");
        }
    }

    #[test]
    fn the_user_may_name_another_function_and_the_parts_of_the_file_stay() {
        for (stated, name) in [("topk", "jumprelu"), ("topk", "gated"), ("jumprelu", "topk"), ("quantum", "abstopk")] {
            let (activation, warnings) = chosen(all(stated), &arch(name));
            assert_eq!((activation.name(), warnings.len()), (name, 1));
            let words = format!("the files say {stated}; taken as {name}");
            assert!(warnings[0].contains(&words), "{warnings:?}");
        }
        let (activation, warnings) = chosen(all("jumprelu"), &arch("topk"));
        assert_eq!(activation, Activation::TopK { k: 3, negatives: false });
        assert_eq!(warnings.len(), 1);
        // What was open before the user settled it is no longer said.
        assert_eq!(chosen(all(""), &arch("relu")), (Activation::Relu, Vec::new()));
        assert_eq!(chosen(parts("topk"), &OpenOptions { k: Some(2), ..arch("topk") }).1, Vec::<String>::new());
        let (_, warnings) = chosen(all("topk"), &OpenOptions { k: Some(2), ..OpenOptions::default() });
        assert!(warnings[0].contains("k is 3; taken as 2"), "{warnings:?}");
    }

    #[test]
    fn a_count_that_is_none_is_not_used() {
        for k in [0, 11, usize::MAX] {
            let (activation, warnings) = chosen(Parts { k: Some(k), ..all("topk") }, &OpenOptions::default());
            assert_eq!(activation.describe(), "topk, k missing");
            assert!(warnings[0].contains(&format!("k is {k}, which is no number of its 10 features")), "{warnings:?}");
        }
    }

    #[test]
    fn parameters_that_mean_nothing_are_refused() {
        let k = |options| OpenOptions { k: Some(2), ..options };
        let threshold = |x, options| OpenOptions { threshold: Some(x), ..options };
        for (stated, options, words) in [
            ("relu", k(OpenOptions::default()), "--k means nothing for relu"),
            ("", k(OpenOptions::default()), "--k means nothing for an activation function that no file names"),
            ("topk", threshold(1.0, OpenOptions::default()), "--threshold means nothing for topk"),
            ("jumprelu", threshold(f32::INFINITY, OpenOptions::default()), "finite"),
            ("topk", OpenOptions { k: Some(11), ..OpenOptions::default() }, "between 1 and"),
            ("topk", arch("temporal"), "expected relu, topk"),
        ] {
            let error = refused(parts(stated), &options);
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn descriptions_have_every_parameter() {
        for (activation, text) in [
            (Activation::TopK { k: 5, negatives: false }, "topk 5"),
            (Activation::TopK { k: 5, negatives: true }, "topk 5, negative values kept"),
            (Activation::AbsTopK { k: 5 }, "abstopk 5"),
            (Activation::JumpRelu { threshold: vec![0.5] }, "jumprelu, threshold 0.5"),
            (Activation::JumpRelu { threshold: vec![2.4, f32::NAN, 0.31] }, "jumprelu, threshold 0.31..2.4"),
            (Activation::BatchTopK { k: Some(3), threshold: None }, "batchtopk 3, threshold missing"),
            (Activation::BatchTopK { k: None, threshold: Some(vec![1.0]) }, "batchtopk, threshold 1"),
            (Activation::Unknown, "unknown"),
        ] {
            assert_eq!(activation.describe(), text);
        }
    }
}
