//! Who may do what with a path: the permission bits of every component, as the kernel asks.

use super::{Access, Kind, Lookup, Node, NodeId, Tree, User};

/// Why a path gives no access.
#[derive(Clone, Debug, PartialEq)]
pub enum Denied {
    /// It leads to nothing.
    NotThere(Lookup),
    /// A component refuses the user.
    Refused {
        /// Canonical path of the component.
        component: String,
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
        /// The right that it does not give.
        access: Access,
    },
}

impl Tree {
    /// Asks for a right on a path, as a user. Every directory on the way has to let the user
    /// pass, those behind symbolic links too.
    ///
    /// # Errors
    ///
    /// What refuses.
    pub fn access(
        &self,
        path: &str,
        cwd: &str,
        user: &User,
        access: Access,
    ) -> Result<(NodeId, String), Denied> {
        let mut refused = None;
        let mut ask = |node: NodeId, path: &dyn Fn() -> String, access: Access| {
            let node = self.node(node);
            if refused.is_none() && !allows(node, user, access) {
                refused = Some(Denied::Refused {
                    component: path(),
                    mode: node.mode,
                    uid: node.uid,
                    gid: node.gid,
                    access,
                });
            }
        };
        let found =
            self.follow(path, cwd, &mut |node, way| ask(node, &|| way.path(), Access::Execute));
        if let Lookup::Found { node, path } = &found {
            ask(*node, &|| path.clone(), access);
        }
        match (refused, found) {
            (Some(refused), _) => Err(refused),
            (None, Lookup::Found { node, path }) => Ok((node, path)),
            (None, lost) => Err(Denied::NotThere(lost)),
        }
    }
}

/// Whether a node's bits give a user a right. Root passes everything, but a file that nobody
/// may execute is not executed for root either.
pub(in crate::image) fn allows(node: &Node, user: &User, access: Access) -> bool {
    if user.uid == 0 {
        let directory = matches!(node.kind, Kind::Directory);
        return access != Access::Execute || directory || node.mode & 0o111 != 0;
    }
    let shift = if node.uid == user.uid {
        6
    } else if node.gid == user.gid || user.groups.binary_search(&node.gid).is_ok() {
        3
    } else {
        0
    };
    let bit = match access {
        Access::Read => 4,
        Access::Write => 2,
        Access::Execute => 1,
    };
    node.mode >> shift & bit != 0
}
