//! Maps of blobs, and a dictionary of which nothing but such a map is known.

use saescope::analysis::open::{Request, open};
use saescope::analysis::{Cache, Jobs, Product, Study};
use saescope::geometry::cluster::Clusters;
use saescope::geometry::cluster::hdbscan::HdbscanParams;
use saescope::geometry::umap::Umap;
use saescope::rows::Points;
use saescope::task::Task;
use saescope::tui::Model;
use saescope::tui::app::{App, Options};
use saescope::tui::event::Event;
use saescope::tui::widgets::Look;
use std::sync::Arc;

/// A study, and what jobs have found out about it.
pub(crate) type Known = (Arc<Study>, Vec<Product>);

/// Clusters of the blobs.
const BLOBS: usize = 24;

/// Points around 24 centres, each tenth far from all of them and in no cluster; the same in every run.
pub(crate) fn blobs(count: usize) -> (Points, Vec<i32>) {
    let mut state = 1_u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let centres: Vec<(f32, f32)> = (0..BLOBS).map(|_| (uniform() * 20.0, uniform() * 20.0)).collect();
    let labels: Vec<i32> = (0..count).map(|i| if i % 10 == 0 { -1 } else { (i % BLOBS) as i32 }).collect();
    let points = labels.iter().flat_map(|&label| {
        // The sum of four uniform numbers is near enough to a normal one.
        let mut normal = || (0..4).map(|_| uniform() - 0.5).sum::<f32>() * 1.7;
        let (dx, dy) = (normal(), normal());
        match centres.get(label as usize) {
            Some((x, y)) => [x + dx, y + dy],
            None => [dx * 5.0 + 10.0, dy * 5.0 + 10.0],
        }
    });
    (Points::new(points.collect(), 2), labels)
}

/// A finished map, as jobs bring it.
pub(crate) fn map(coordinates: Points, labels: &[i32]) -> [Product; 2] {
    [
        Product::Umap(Arc::new(Umap { coordinates, epochs: 1, a: 1.0, b: 1.0 })),
        Product::Clusters(Arc::new(Clusters::from_labels(labels)), HdbscanParams::default()),
    ]
}

/// A dictionary of `count` features of which only the map is known.
pub(crate) fn many(count: usize) -> Known {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.npy");
    let decoder: Vec<f32> = (0..count * 4).map(|i| 1.0 + (i % 7) as f32).collect();
    std::fs::write(&path, super::npy::npy(&decoder, count)).unwrap();
    let request = Request { dictionary: path, ..Request::default() };
    let study = Arc::new(open(&request, Cache::off()).unwrap());
    let (coordinates, labels) = blobs(count);
    (study, map(coordinates, &labels).into())
}

/// The screen of a study that knows all of this, with nothing running.
pub(crate) fn app((study, products): &Known, look: &Look, (width, height): (u16, u16)) -> App {
    let jobs = Jobs::new(Task::new(1).unwrap(), |_| {});
    let options = Options { look: look.clone(), ..Options::new(look.theme.clone()) };
    let mut app = App::new(Arc::clone(study), jobs, options);
    app.update(Event::Resize(width, height));
    for product in products {
        app.take(product.clone());
    }
    app
}
