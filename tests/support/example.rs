//! The built-in dictionaries, laid out in blobs: labels, passages, neighbours and clusters fill the panes as in use.

use saescope::analysis::open::{Request, open};
use saescope::analysis::{Cache, Product, Study, Words};
use saescope::rows::Points;
use saescope::task::Task;
use std::sync::Arc;

/// A study by its name, all that jobs would find out about its features, and where these lie.
pub(crate) fn example(name: &str) -> (Arc<Study>, Vec<Product>, Points) {
    let request = Request { dictionary: name.into(), ..Request::default() };
    let study = Arc::new(open(&request, Cache::off()).unwrap());
    let task = Task::new(2).unwrap();
    study.load_evidence(&task).unwrap();
    let (coordinates, labels) = super::blobs::blobs(study.features());
    let mut products = vec![
        Product::Evidence,
        Product::Words(Arc::new(Words::build(&study, &task).unwrap())),
        Product::Norms(study.norms(&task).unwrap()),
        Product::Knn(Arc::new(study.knn(14, &task).unwrap())),
    ];
    products.extend(super::blobs::map(coordinates.clone(), &labels));
    (study, products, coordinates)
}
