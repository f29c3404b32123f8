//! Words for features: explanations or top tokens, with the source they claim.

/// One description of a feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The words.
    pub text: String,
    /// What kind of description it is ("top-tokens", "oai_token-act-pair", …), where the file says.
    pub kind: Option<String>,
    /// The model that wrote it, where the file says.
    pub author: Option<String>,
}

/// Descriptions of features; a feature may have none or several.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Source id that the file states ("11-res-topk-4096").
    pub source: Option<String>,
    /// The file or folder.
    pub path: std::path::PathBuf,
    /// Descriptions per feature, in file order.
    pub by_feature: Vec<Vec<Label>>,
}

impl Labels {
    /// The first description of `feature`.
    pub fn get(&self, feature: usize) -> Option<&str> {
        Some(self.by_feature.get(feature)?.first()?.text.as_str())
    }
    /// How many features have a description.
    pub fn count(&self) -> usize {
        self.by_feature.iter().filter(|labels| !labels.is_empty()).count()
    }
    /// The one kind that all descriptions share, if they do ("top-tokens").
    pub fn kind(&self) -> Option<&str> {
        let mut kinds = self.by_feature.iter().flatten().map(|label| label.kind.as_deref());
        let first = kinds.next()??;
        kinds.all(|kind| kind == Some(first)).then_some(first)
    }
}
