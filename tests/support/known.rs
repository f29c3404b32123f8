//! Studies of which a finished map is known, and their screens.

use saescope::analysis::open::{Request, open};
use saescope::analysis::{Cache, Jobs, Product, Study};
use saescope::task::Task;
use saescope::tui::Model;
use saescope::tui::app::{App, Options};
use saescope::tui::event::Event;
use saescope::tui::widgets::Look;
use std::sync::Arc;

/// A study, and what jobs have found out about it.
pub(crate) type Known = (Arc<Study>, Vec<Product>);

/// A dictionary of `count` features of which only the map is known.
pub(crate) fn many(count: usize) -> Known {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.npy");
    let decoder: Vec<f32> = (0..count * 4).map(|i| 1.0 + (i % 7) as f32).collect();
    std::fs::write(&path, super::npy::npy(&decoder, count)).unwrap();
    let request = Request { dictionary: path, ..Request::default() };
    let study = Arc::new(open(&request, Cache::off()).unwrap());
    let (coordinates, labels) = super::blobs::blobs(count);
    (study, super::blobs::map(coordinates, &labels).into())
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
