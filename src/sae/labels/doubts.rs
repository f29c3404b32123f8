//! Whether labels are those of the dictionary, as far as both say where they come from.

use super::Labels;
use crate::sae::DictionaryInfo;
use crate::text::{counted, thousands};

impl Labels {
    /// What the labels say of their source that does not go with the dictionary; empty where nothing contradicts.
    ///
    /// Compared are Neuronpedia's id of the dictionary (`model/source`), where its configuration has one, with the
    /// labels' model and source id; otherwise the layer at the start of the source id (`11-res-jb`), or the module, with
    /// the dictionary's layer; and a width in the source id (`16k`) with the number of features.
    pub fn doubts(&self, info: &DictionaryInfo) -> Vec<String> {
        let Some(source) = &self.source else { return Vec::new() };
        let own = info.origin.get("neuronpedia_id").and_then(|id| id.as_str()).filter(|id| !id.is_empty());
        let mut doubts = Vec::new();
        if let Some(own) = own {
            let (model, own_source) = own.rsplit_once('/').map_or((None, own), |(model, source)| (Some(model), source));
            let model = model.zip(self.model.as_deref());
            let other_model = model.is_some_and(|(own, labels)| !own.eq_ignore_ascii_case(labels));
            if other_model || !own_source.eq_ignore_ascii_case(source) {
                let named = match &self.model {
                    Some(model) => format!("{model}/{source}"),
                    None => source.clone(),
                };
                doubts.push(format!("labels are of {named}, the dictionary is {own}"));
            }
        } else if let (Some(layer), Some(own)) = (layer(source), info.layer)
            && layer != own
        {
            doubts.push(format!("labels are of layer {layer}, the dictionary of layer {own}: {source}"));
        }
        let features = self.by_feature.len();
        if doubts.is_empty()
            && let Some(width) = width(source).filter(|&width| !about(width, features))
        {
            let own = counted(features, "feature", "features");
            doubts.push(format!("labels are of {} features, the dictionary has {own}: {source}", thousands(width)));
        }
        doubts
    }
}

/// The layer that a source id begins with, or that a module counts.
fn layer(source: &str) -> Option<usize> {
    let first = source.split('-').next()?;
    first.parse().ok().or_else(|| {
        let mut parts = source.split('.');
        parts.find(|part| matches!(*part, "layers" | "h" | "blocks"))?;
        parts.next()?.parse().ok()
    })
}

/// The width that a part of a source id says: `16k` or `1m`.
fn width(source: &str) -> Option<u64> {
    source.split(['-', '_']).find_map(|part| {
        let (digits, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
        let factor = match unit {
            "k" => 1000,
            "m" => 1_000_000,
            _ => return None,
        };
        digits.parse::<u64>().ok()?.checked_mul(factor)
    })
}

/// Whether `16k` may be said of so many features: of 16,000 as of 16,384, but not of 24,576.
fn about(width: u64, features: usize) -> bool {
    let (width, features) = (width as f64, features as f64);
    (0.95..1.12).contains(&(features / width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Matrix;
    use crate::sae::Dictionary;

    fn info(id: Option<&str>, layer: Option<usize>) -> DictionaryInfo {
        let mut info = Dictionary::bare(Matrix::from_f32(&[1.0; 4], 2)).info;
        info.layer = layer;
        if let Some(id) = id {
            info.origin.insert("neuronpedia_id".into(), id.into());
        }
        info
    }

    fn labels(model: Option<&str>, source: &str, features: usize) -> Labels {
        Labels {
            source: Some(source.into()),
            model: model.map(str::to_string),
            by_feature: vec![Vec::new(); features],
            ..Labels::default()
        }
    }

    #[test]
    fn labels_of_the_dictionary_raise_no_doubt() {
        for (labels, info) in [
            (labels(Some("gpt2-small"), "10-res-jb", 24_576), info(Some("gpt2-small/10-res-jb"), Some(10))),
            (labels(None, "10-RES-jb", 24_576), info(Some("gpt2-small/10-res-jb"), None)),
            (labels(None, "10-gemmascope-res-16k", 16_384), info(None, Some(10))),
            (labels(None, "10-gemmascope-res-1m", 1 << 20), info(None, None)),
            (labels(None, "layers.11.mlp", 32), info(None, Some(11))),
            (labels(None, "something", 32), info(None, Some(11))),
            (Labels::default(), info(Some("gpt2-small/10-res-jb"), Some(1))),
        ] {
            assert!(labels.doubts(&info).is_empty(), "{:?} {:?}", labels.source, info.origin);
        }
    }

    #[test]
    fn labels_of_another_dictionary_are_doubted() {
        for (labels, info, words) in [
            (
                labels(Some("gpt2-small"), "10-res-jb", 8),
                info(Some("gpt2-small/11-res-jb"), None),
                "of gpt2-small/10-res-jb, the dictionary is gpt2-small/11-res-jb",
            ),
            (
                labels(Some("gpt2"), "1-x", 8),
                info(Some("pythia/1-x"), None),
                "of gpt2/1-x, the dictionary is pythia/1-x",
            ),
            (labels(None, "10-res-jb", 8), info(None, Some(11)), "layer 10, the dictionary of layer 11: 10-res-jb"),
            (labels(None, "model.layers.3", 8), info(None, Some(11)), "layer 3, "),
            (
                labels(None, "10-res-16k", 24_576),
                info(None, Some(10)),
                "16,000 features, the dictionary has 24,576 features: 10-res-16k",
            ),
            (labels(None, "10-res-65k", 16_384), info(None, None), "65,000 features"),
        ] {
            let doubts = labels.doubts(&info);
            assert!(doubts.len() == 1 && doubts[0].contains(words), "{doubts:?} should say {words}");
        }
    }
}
