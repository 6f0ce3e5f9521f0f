-- Each deployment gives the rights anew, so that no right of an earlier release is left.
REVOKE ALL ON ALL TABLES IN SCHEMA control, lakehouse FROM {role};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA control, lakehouse FROM {role};
GRANT USAGE ON SCHEMA control, lakehouse TO {role};
