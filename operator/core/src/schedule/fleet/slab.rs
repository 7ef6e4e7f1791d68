//! Things by small numbers that are given out again.

/// Things by small numbers.
#[derive(Debug, Clone)]
pub(crate) struct Slab<T> {
    all: Vec<Option<T>>,
    unused: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            unused: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    pub(crate) fn len(&self) -> usize {
        self.all.len() - self.unused.len()
    }

    pub(crate) fn get(&self, at: u32) -> Option<&T> {
        self.all.get(at as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.all.get_mut(at as usize)?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let all = (0_u32..).zip(&self.all);
        all.filter_map(|(at, it)| Some((at, it.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.all.iter_mut().flatten()
    }

    /// The number of the one that is added next.
    pub(crate) fn next(&self) -> u32 {
        self.unused.last().copied().unwrap_or(self.all.len() as u32)
    }

    pub(crate) fn add(&mut self, it: T) -> u32 {
        let at = self.unused.pop().unwrap_or(self.all.len() as u32);
        match self.all.get_mut(at as usize) {
            Some(place) => *place = Some(it),
            None => {
                // An eighth more at a time: the half that doubling leaves unused would be much.
                if self.all.len() == self.all.capacity() {
                    self.all.reserve_exact(self.all.len() / 8 + 16);
                }
                self.all.push(Some(it));
            }
        }
        at
    }

    pub(crate) fn remove(&mut self, at: u32) -> Option<T> {
        let it = self.all.get_mut(at as usize)?.take()?;
        self.unused.push(at);
        Some(it)
    }

    /// Takes out what is not to stay.
    pub(crate) fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        for (at, place) in (0_u32..).zip(&mut self.all) {
            if place.as_ref().is_some_and(|it| !stays(it)) {
                *place = None;
                self.unused.push(at);
            }
        }
    }
}
