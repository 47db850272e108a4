//! The image's user, looked up in its own `/etc/passwd` and `/etc/group`.

use super::{Tree, User};

impl Tree {
    /// Who `USER` names: `name`, `uid`, `name:group`, `uid:gid`; empty for root. A number
    /// needs no entry. `None` where a name is not in the image's `/etc/passwd` or
    /// `/etc/group`.
    #[must_use]
    pub fn user(&self, written: &str) -> Option<User> {
        let (user, group) = match written.split_once(':') {
            Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
            None => (written, None),
        };
        let user = if user.is_empty() { "0" } else { user };
        let number: Option<u32> = user.parse().ok();
        let entry = self.lines("/etc/passwd").find(|fields| {
            let uid = fields.get(2).and_then(|uid| uid.parse::<u32>().ok());
            fields.first().is_some_and(|name| name == user) || (number.is_some() && uid == number)
        });
        let field = |at: usize| entry.as_ref().and_then(|fields| fields.get(at));
        let uid = field(2).and_then(|uid| uid.parse().ok()).or(number)?;
        let named = field(3).and_then(|gid| gid.parse().ok()).unwrap_or(0);
        let gid = match group {
            None => named,
            Some(group) => self.group(group)?,
        };
        // Memberships count only where the group was left open, as container engines do it.
        let groups = match (group, field(0)) {
            (None, Some(name)) => self.memberships(name, gid),
            _ => Vec::new(),
        };
        let home = field(5).filter(|home| !home.is_empty()).cloned();
        Some(User { uid, gid, groups, home })
    }

    fn group(&self, written: &str) -> Option<u32> {
        let named = self
            .lines("/etc/group")
            .find(|fields| fields.first().is_some_and(|name| name == written))
            .and_then(|fields| fields.get(2)?.parse().ok());
        named.or_else(|| written.parse().ok())
    }

    fn memberships(&self, user: &str, gid: u32) -> Vec<u32> {
        let mut groups: Vec<u32> = self
            .lines("/etc/group")
            .filter(|fields| {
                fields.get(3).is_some_and(|members| members.split(',').any(|member| member == user))
            })
            .filter_map(|fields| fields.get(2)?.parse().ok())
            .filter(|group| *group != gid)
            .collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    fn lines(&self, path: &str) -> impl Iterator<Item = Vec<String>> {
        let content = self.content(path).unwrap_or_default();
        content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| {
            String::from_utf8_lossy(line).trim_end().split(':').map(str::to_owned).collect()
        })
    }
}
