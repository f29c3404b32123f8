//! One frame without a terminal: the same app, given finished results instead of running jobs.

use super::heat::HeatSet;
use super::shapes::{first_ranking, portrait_of};
use super::{App, Chart, Chip, Drawing, Options, Pane, cluster_name};
use crate::analysis::jobs::JobContext;
use crate::analysis::map::map_job;
use crate::analysis::{Filter, Jobs, Manifold, MapParams, Product, Study, Words};
use crate::error::{Error, Problem, Result};
use crate::task::Task;
use crate::tui::event::Event;
use crate::tui::frame::Picture;
use crate::tui::layout::Page;
use crate::tui::screen::area_of;
use crate::tui::{Model, action::Action};
use ratatui::buffer::Buffer;
use std::sync::{Arc, Mutex, PoisonError};

/// What a frame is to show.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Which page.
    pub page: Page,
    /// The selected feature; none leaves the choice to the map.
    pub feature: Option<u32>,
    /// The only cluster to show; on the pages of groups, the number of the group.
    pub cluster: Option<i32>,
    /// What fills the page of one group.
    pub chart: Chart,
    /// A filter.
    pub filter: Option<Filter>,
}

/// Everything the screen would have computed for `study` once it is at rest.
///
/// # Errors
/// As the queries of the map.
pub fn products(study: &Arc<Study>, params: &MapParams, scene: &Scene, task: &Task) -> Result<Vec<Product>> {
    study.load_evidence(task)?;
    let made = Arc::new(Mutex::new(vec![Product::Evidence, Product::Words(Arc::new(Words::build(study, task)?))]));
    let sink = Arc::clone(&made);
    let context = JobContext::new(task.clone(), move |product| {
        // A layout on its way would only be drawn over.
        if !matches!(product, Product::Layout { .. }) {
            sink.lock().unwrap_or_else(PoisonError::into_inner).push(product);
        }
    });
    map_job(study, params, &context)?;
    let mut made = std::mem::take(&mut *made.lock().unwrap_or_else(PoisonError::into_inner));
    let layout = made.iter().find_map(|product| match product {
        Product::Umap(umap) => Some(Arc::clone(umap)),
        _ => None,
    });
    if let Some(umap) = layout
        && let Some(trust) = study.map_trust(params, &umap.coordinates, task)?
    {
        made.push(Product::Trust(Arc::new(trust)));
    }
    if scene.page.is_of_groups() {
        made.extend(groups(study, params.umap.seed, scene, task)?);
    }
    Ok(made)
}

/// The table of groups as far as it is quick or kept; or one group whole: that of the number, else the best of those
/// that hold the feature, else the best of all.
fn groups(study: &Study, seed: u64, scene: &Scene, task: &Task) -> Result<Vec<Product>> {
    let none = || {
        Problem::new("there is no such group".to_string())
            .expected("the number of a group (the column cluster of `manifolds`), or a feature of one")
            .usage()
    };
    let number = scene.cluster.map(i64::from);
    let found = match (scene.page, number) {
        // A group of this number needs no ranking.
        (Page::Manifold, Some(number)) => {
            let all = study.find_groups(seed, task)?;
            all.into_iter().find(|found| found.cluster.is_some_and(|own| i64::from(own) == number))
        }
        _ => {
            let table = first_ranking(study, seed, task)?;
            let Product::Manifolds(rows, _) = &table else { return Ok(Vec::new()) };
            if rows.is_empty() {
                return Err(Error::Nothing("no group of features was found".into()));
            }
            if scene.page == Page::Manifolds {
                return Ok(vec![table]);
            }
            let holds = |row: &&Manifold| scene.feature.is_none_or(|feature| row.found.features.contains(&feature));
            rows.iter().find(holds).map(|row| row.found.clone())
        }
    };
    Ok(vec![portrait_of(study, found.ok_or_else(none)?, seed, task)?])
}

/// Draws one frame of `study` with `products` as they are, at `width` x `height` cells.
///
/// # Errors
/// If the scene names a feature or a cluster that is not there, or a filter that cannot be told.
pub fn still(
    study: &Arc<Study>,
    products: Vec<Product>,
    options: Options,
    scene: &Scene,
    size: (u16, u16),
    task: &Task,
) -> Result<Buffer> {
    let app = posed(study, products, options, scene, size, task)?;
    let area = area_of(size.0, size.1);
    let mut buffer = Buffer::empty(area);
    app.draw(area, &mut buffer);
    Ok(buffer)
}

/// The same as a picture to be made.
///
/// # Errors
/// As [`still`], or if there is nothing to draw.
pub fn drawing(
    study: &Arc<Study>,
    products: Vec<Product>,
    options: Options,
    scene: &Scene,
    size: (u16, u16),
    kind: Picture,
    task: &Task,
) -> Result<Drawing> {
    posed(study, products, options, scene, size, task)?.drawing(kind).map_err(Error::Nothing)
}

/// The screen at rest, with the scene on it.
fn posed(
    study: &Arc<Study>,
    products: Vec<Product>,
    options: Options,
    scene: &Scene,
    (width, height): (u16, u16),
    task: &Task,
) -> Result<App> {
    let mut app = App::new(Arc::clone(study), Jobs::new(task.clone(), |_| {}), options);
    app.update(Event::Resize(width, height));
    for product in products {
        app.take(product);
    }
    if let Some(filter) = &scene.filter {
        if let Some(column) = filter.missing(&app.table()) {
            return Err(
                Problem::new(format!("the column {} cannot be told for this dictionary", column.name())).usage()
            );
        }
        let filter = filter.clone();
        app.change_filter(Action::Filter, |app| app.filters.push(filter));
    }
    if let Some(cluster) = scene.cluster.filter(|_| !scene.page.is_of_groups()) {
        let count = app.clusters.as_ref().map_or(0, |clusters| clusters.count);
        if usize::try_from(cluster).is_ok_and(|c| c >= count) {
            let name = |cluster: usize| cluster_name(cluster as i32);
            let known = count.checked_sub(1).map(|last| format!("{} to {}, or -1 for none", name(0), name(last)));
            return Err(Problem::new(format!("there is no cluster {}", cluster_name(cluster)))
                .expected(known.unwrap_or_else(|| "-1: there are no clusters".into()))
                .usage());
        }
        if scene.page == Page::Clusters {
            app.lists[Pane::Clusters as usize].cursor = usize::try_from(cluster).unwrap_or(count);
        } else {
            app.change_filter(Action::OnlyCluster, |app| app.filters.switch(Chip::Only([cluster].into())));
        }
    }
    match scene.feature {
        Some(feature) if feature as usize >= study.features() => {
            return Err(Problem::new(format!("there is no feature {feature}"))
                .expected(format!("0 to {}", study.features().saturating_sub(1)))
                .usage());
        }
        Some(feature) => app.visit(feature),
        None => {
            let shown: Vec<u32> = (0..study.features() as u32).filter(|&f| app.is_shown(f)).collect();
            if shown.is_empty() {
                return Err(Error::Nothing("no feature passes the filter".into()));
            }
            if let Some(middle) = app.map.middle_of(&shown) {
                app.select(middle);
            }
        }
    }
    if let Some(feature) = app.selected().filter(|_| scene.page == Page::Neighbours) {
        app.rank_now(feature, task)?;
    }
    match scene.page {
        Page::Map => {}
        Page::Heatmap => {
            if scene.feature.is_some() && scene.cluster.is_none() {
                app.choose_heat(HeatSet::Nearest, scene.feature);
            }
            app.measure_pairs_now(task)?;
            app.go(Page::Heatmap);
        }
        page => app.go(page),
    }
    if scene.page == Page::Manifolds {
        app.put_on_group(scene.cluster);
    }
    app.cloud.set_chart(scene.chart);
    app.settle();
    Ok(app)
}
