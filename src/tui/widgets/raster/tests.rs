use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn cloud<'a>(x: &'a [f32], y: &'a [f32], class: &'a [u16], flags: &'a [u8]) -> Cloud<'a> {
    Cloud { x, y, class, flags }
}

/// Point by point, cell by cell, in words as close to the definition as they get.
fn oracle(cloud: Cloud<'_>, view: &Viewport, glyphs: Glyphs, columns: u16, rows: u16) -> Vec<CellDots> {
    let (w, h) = glyphs.dots();
    let grid = view.grid((w, h), columns, rows);
    let mut out = Vec::new();
    for row in 0..u32::from(rows) {
        for column in 0..u32::from(columns) {
            let (mut mask, mut faint, mut count) = (0, 0, 0);
            let mut votes: BTreeMap<i32, u32> = BTreeMap::new();
            for i in 0..cloud.len() {
                let Some((dx, dy)) = grid.dot(cloud.x[i], cloud.y[i]) else { continue };
                if (dx / u32::from(w), dy / u32::from(h)) != (column, row) {
                    continue;
                }
                let bit = 1 << (dy % u32::from(h) * u32::from(w) + dx % u32::from(w));
                if cloud.flags(i) != 0 {
                    faint |= bit;
                } else {
                    mask |= bit;
                    count += 1;
                    let class = cloud.class(i);
                    *votes.entry(if class == NOISE { -1 } else { i32::from(class) }).or_default() += 1;
                }
            }
            let most = votes.values().copied().max().unwrap_or(0);
            let winner = votes.iter().find(|&(_, &n)| n == most).map_or(-1, |(&class, _)| class);
            let class = if winner < 0 { NOISE } else { winner as u16 };
            out.push(CellDots { mask, faint, class, count });
        }
    }
    out
}

fn drawn(raster: &Raster) -> Vec<CellDots> {
    (0..raster.rows())
        .flat_map(|row| (0..raster.columns()).map(move |column| (column, row)))
        .map(|(column, row)| raster.cell(column, row))
        .collect()
}

#[test]
fn the_majority_owns_the_cell_whatever_the_order() {
    // Three of class 5 against two of class 1, the last painted being 1.
    let x = [0.1_f32; 5];
    let mut raster = Raster::new();
    let view = Viewport::new(0.0, 0.0, 1.0);
    for classes in [[5, 5, 5, 1, 1], [1, 5, 1, 5, 5], [1, 1, 5, 5, 5]] {
        raster.draw(cloud(&x, &x, &classes, &[]), &view, Glyphs::Braille, 3, 3);
        let (c, r) = view.cell_of(0.1, 0.1, 3, 3).unwrap();
        assert_eq!((raster.cell(c, r).class, raster.cell(c, r).count), (5, 5));
    }
}

#[test]
fn equal_counts_go_to_the_lowest_class_and_noise_yields_only_when_outnumbered() {
    let mut tally = vec![0; 65_536];
    assert_eq!(majority(&[7, 2, 7, 2], &mut tally), 2);
    assert_eq!(majority(&[2, NOISE], &mut tally), NOISE);
    assert_eq!(majority(&[2, 2, NOISE], &mut tally), 2);
    assert_eq!(majority(&[65_534, NOISE, 65_534], &mut tally), 65_534);
    assert_eq!(majority(&[0, 1, 2, 3, 3], &mut tally), 3);
    assert!(tally.iter().all(|&n| n == 0));
}

#[test]
fn a_letter_stands_on_a_cell_of_its_class_even_where_the_mean_is_not() {
    // A ring of class 3 around a blob of class 0.
    let ring: Vec<(f32, f32)> = (0..300).map(|i| (i as f32 / 300.0 * std::f32::consts::TAU).sin_cos()).collect();
    let x: Vec<f32> = ring.iter().map(|p| p.0 * 10.0).chain((0..50).map(|i| i as f32 * 0.01)).collect();
    let y: Vec<f32> = ring.iter().map(|p| p.1 * 10.0).chain((0..50).map(|i| i as f32 * 0.02)).collect();
    let class: Vec<u16> = [vec![3; 300], vec![0; 50]].concat();
    let cloud = cloud(&x, &y, &class, &[]);
    let mut raster = Raster::new();
    raster.draw(cloud, &Viewport::fit(cloud.shown(), 40, 20), Glyphs::Braille, 40, 20);
    let classes: Vec<u16> = raster.places().iter().map(|place| place.class).collect();
    assert_eq!(classes, [0, 3]);
    for place in raster.places() {
        let (c, r) = place.cell.unwrap();
        assert_eq!(raster.cell(c, r).class, place.class);
        assert_eq!(
            place.cells as usize,
            drawn(&raster).iter().filter(|d| d.count > 0 && d.class == place.class).count()
        );
    }
    assert_eq!(raster.places()[1].points, 300);
}

#[test]
fn picking_finds_what_is_drawn() {
    let (x, y) = ([0.0, 1.0, 2.0, f32::NAN], [0.0, 1.0, 0.0, 0.0]);
    let flags = [0, 0, FAINT, 0];
    let cloud = cloud(&x, &y, &[], &flags);
    let view = Viewport::new(1.0, 0.5, 0.1);
    let at = |i: usize| view.cell_of(x[i], y[i], 60, 20).unwrap();
    assert_eq!(nearest_point(cloud, &view, at(1), 3.0, 60, 20), Some(1));
    assert_eq!(nearest_point(cloud, &view, at(0), 3.0, 60, 20), Some(0));
    assert_eq!(nearest_point(cloud, &view, at(2), 3.0, 60, 20), None, "a filtered point is not picked");
    assert_eq!(points_in(cloud, &view, (59, 19), (0, 0), 60, 20), [0, 1]);
    let corner = |i: usize| (i32::from(at(i).0), i32::from(at(i).1));
    assert_eq!(points_in(cloud, &view, corner(1), corner(1), 60, 20), [1]);
    let (mut panned, far) = (view, (i32::MIN, i32::MIN));
    panned.pan(1000, 1000);
    assert_eq!(points_in(cloud, &panned, far, (59, -500), 60, 20), [0, 1], "also where they are out of sight");
}

#[test]
fn the_largest_area_and_beyond_are_cut_not_broken() {
    let mut raster = Raster::new();
    for (columns, rows) in [(300, 219), (65_535, 2), (u16::MAX, u16::MAX), (0, 9), (9, 0)] {
        raster.draw(cloud(&[0.0], &[0.0], &[], &[]), &Viewport::default(), Glyphs::Octant, columns, rows);
        assert!(usize::from(raster.columns()) * usize::from(raster.rows()) <= 65_535);
    }
}

fn point() -> impl Strategy<Value = (f32, f32, u16, u8)> {
    let number = || prop_oneof![12 => -3.0_f32..3.0, 1 => any::<f32>(), 1 => Just(f32::NAN), 1 => Just(f32::INFINITY)];
    let class = prop_oneof![6 => 0_u16..4, 2 => Just(NOISE), 1 => any::<u16>()];
    (number(), number(), class, prop_oneof![6 => Just(0), 1 => Just(FAINT)])
}

proptest! {
    #[test]
    fn equals_the_obvious_raster(
        points in prop::collection::vec(point(), 0..120), glyph in 0_usize..7, size in (0_u16..20, 0_u16..10),
        center in (-2.0_f32..2.0, -2.0_f32..2.0), scale in 0.05_f64..2.0, pan in (-9_i32..9, -9_i32..9),
    ) {
        let x: Vec<f32> = points.iter().map(|p| p.0).collect();
        let y: Vec<f32> = points.iter().map(|p| p.1).collect();
        let class: Vec<u16> = points.iter().map(|p| p.2).collect();
        let flags: Vec<u8> = points.iter().map(|p| p.3).collect();
        let cloud = cloud(&x, &y, &class, &flags);
        let mut view = Viewport::new(center.0, center.1, scale);
        view.pan(pan.0, pan.1);
        let glyphs = Glyphs::ALL[glyph];
        let mut raster = Raster::new();
        // A used raster must forget.
        raster.draw(cloud, &Viewport::default(), Glyphs::Octant, 7, 5);
        raster.draw(cloud, &view, glyphs, size.0, size.1);
        prop_assert_eq!(drawn(&raster), oracle(cloud, &view, glyphs, size.0, size.1));
    }

    #[test]
    fn any_numbers_at_any_size(
        points in prop::collection::vec((any::<f32>(), any::<f32>(), any::<u16>()), 0..40),
        size in (0_u16..300, 0_u16..100), view in (any::<f32>(), any::<f32>(), any::<f64>()), glyph in 0_usize..7,
    ) {
        let x: Vec<f32> = points.iter().map(|p| p.0).collect();
        let y: Vec<f32> = points.iter().map(|p| p.1).collect();
        let class: Vec<u16> = points.iter().map(|p| p.2).collect();
        let cloud = cloud(&x, &y, &class, &[]);
        let mut raster = Raster::new();
        for view in [Viewport::new(view.0, view.1, view.2), Viewport::fit(cloud.shown(), size.0, size.1)] {
            raster.draw(cloud, &view, Glyphs::ALL[glyph], size.0, size.1);
            prop_assert!(raster.in_view() <= cloud.len());
            let counted: u32 = drawn(&raster).iter().map(|dots| dots.count).sum();
            prop_assert_eq!(counted as usize, raster.in_view());
        }
    }
}
