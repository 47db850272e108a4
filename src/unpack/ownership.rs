//! To whom unpacked files belong, and what their modes say then.

use crate::image::User;

/// To whom the files of an unpacked root belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// To the ids that the image says. Only root can do that.
    Real,
    /// All to the caller, who has one id only. The owner's bits of each mode are then what
    /// the given user would be allowed by the image's ids and modes, so that the kernel
    /// answers as it would with the real ones.
    Projected(User),
}

impl Ownership {
    /// A word for the cache's key.
    pub(super) fn key(&self) -> String {
        match self {
            Ownership::Real => "real".to_owned(),
            // Root may do everything, whatever the ids are; one root serves for all.
            Ownership::Projected(user) if user.uid == 0 => "root".to_owned(),
            Ownership::Projected(user) => {
                let groups: Vec<String> = user.groups.iter().map(u32::to_string).collect();
                format!("uid{}-gid{}-{}", user.uid, user.gid, groups.join("-"))
            }
        }
    }

    /// The mode that a directory gets; root may do everything with any.
    pub(super) fn directory_mode(&self, mode: u32, uid: u32, gid: u32) -> u32 {
        match self {
            Ownership::Projected(user) if user.uid == 0 => mode | 0o700,
            _ => self.mode(mode, uid, gid),
        }
    }

    /// The mode that a file gets which the image gives to `uid` and `gid` with `mode`.
    pub(super) fn mode(&self, mode: u32, uid: u32, gid: u32) -> u32 {
        let Ownership::Projected(user) = self else { return mode };
        let bits = if user.uid == 0 {
            // Rights of root: all but to execute what nobody may.
            0o6 | u32::from(mode & 0o111 != 0)
        } else if user.uid == uid {
            mode >> 6 & 0o7
        } else if user.gid == gid || user.groups.binary_search(&gid).is_ok() {
            mode >> 3 & 0o7
        } else {
            mode & 0o7
        };
        // The other classes are kept as they are: nobody is in them, and programs that look
        // at modes see what they would see.
        mode & 0o7077 | bits << 6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uid: u32, mode: u32, owner: (u32, u32), expected: u32) {
        let user = User { uid, gid: 100, groups: vec![7], home: None };
        let got = Ownership::Projected(user).mode(mode, owner.0, owner.1);
        assert_eq!(got, expected, "uid {uid} mode {mode:o} of {owner:?}: {got:o}");
    }

    #[test]
    fn the_owners_bits_are_the_users_rights() {
        check(1000, 0o755, (0, 0), 0o555);
        check(1000, 0o700, (0, 0), 0o000);
        check(1000, 0o700, (1000, 0), 0o700);
        check(1000, 0o750, (0, 100), 0o550);
        check(1000, 0o640, (0, 7), 0o440);
        check(1000, 0o407, (1000, 7), 0o407);
        check(0, 0o600, (5, 5), 0o600);
        check(0, 0o000, (5, 5), 0o600);
        check(0, 0o001, (5, 5), 0o701);
        assert_eq!(Ownership::Real.mode(0o4755, 0, 0), 0o4755);
    }
}
