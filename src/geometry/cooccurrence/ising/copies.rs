//! Features that fire on exactly the same tokens.
//!
//! As columns of a regression they are one: the optimum does not say how its coefficient is shared. So only the lowest
//! of them enters, and afterwards all have the same share. Found by a hash of each feature's tokens, then compared. Cost:
//! one pass and a sort of the features. Memory: 24 bytes a feature.

use crate::error::Result;
use crate::geometry::cooccurrence::acts::Acts;
use crate::geometry::random::scramble;
use crate::task::Task;

/// Classes of features with the same tokens.
pub(super) struct Copies {
    /// Features, those of a class one after the other, ascending within it.
    members: Vec<u32>,
    /// By feature, its class in `members`: start and end.
    classes: Vec<(u32, u32)>,
}

impl Copies {
    pub(super) fn new(acts: &Acts, task: &Task) -> Result<Self> {
        let tokens = acts.firing_by_feature();
        let mut hashed = Vec::with_capacity(acts.features());
        for i in 0..acts.features() {
            task.check()?;
            let hash =
                tokens.row(i).iter().fold(1, |hash: u64, &token| scramble(hash ^ u64::from(token)).wrapping_add(1));
            hashed.push((hash, i as u32));
        }
        hashed.sort_unstable();
        let members: Vec<u32> = hashed.iter().map(|entry| entry.1).collect();
        let mut classes = vec![(0, 0); members.len()];
        let mut start = 0;
        for at in 1..=members.len() {
            let ends = at == members.len()
                || hashed[at].0 != hashed[start].0
                || tokens.row(members[at] as usize) != tokens.row(members[start] as usize);
            if ends {
                for &member in &members[start..at] {
                    classes[member as usize] = (start as u32, at as u32);
                }
                start = at;
            }
        }
        Ok(Self { members, classes })
    }
    /// The features that are one column with `j` in the regression of `i`, ascending; `j` may not be `i`.
    pub(super) fn of(&self, j: u32, i: usize) -> impl Iterator<Item = u32> {
        let (start, end) = self.classes[j as usize];
        self.members[start as usize..end as usize].iter().copied().filter(move |&member| member as usize != i)
    }
    /// Whether `j` stands for all of them.
    #[inline]
    pub(super) fn stands(&self, j: u32, i: usize) -> bool {
        self.of(j, i).next() == Some(j)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::cooccurrence::tests::{Dense, task};

    #[test]
    fn copies_are_those_of_the_same_tokens() {
        let columns = [[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 1], [1, 0, 1, 1], [0, 0, 0, 0], [1, 0, 1, 1]];
        let dense = Dense((0..4).map(|t| columns.iter().map(|column| column[t] as f32).collect()).collect());
        dense.with(|acts| {
            let copies = Copies::new(acts, &task()).unwrap();
            let of = |j, i| copies.of(j, i).collect::<Vec<_>>();
            assert_eq!(
                (of(3, 2), of(3, 0), of(0, 5), of(2, 0), of(4, 3)),
                (vec![0, 3, 5], vec![3, 5], vec![0, 3], vec![2], vec![1, 4])
            );
            let stand = |i| (0..6).filter(|&j| j as usize != i && copies.stands(j, i)).collect::<Vec<_>>();
            assert_eq!((stand(0), stand(2), stand(3)), (vec![1, 2, 3], vec![0, 1], vec![0, 1, 2]));
        });
    }
}
