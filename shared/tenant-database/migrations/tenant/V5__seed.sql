-- What every finance tenant starts with. The SoD triggers are in place already: roles that contradict a rule cannot be seeded.
INSERT INTO iam.permissions (permission_code, description, is_system)
SELECT seed.*, true FROM (VALUES
    ('audit.read',              'Read the audit trail'),
    ('bank_accounts.manage',    'Add and change the bank accounts money leaves from and goes to'),
    ('journals.approve',        'Approve journal entries'),
    ('journals.post',           'Prepare and post journal entries'),
    ('kyc.approve',             'Accept or decline a client or vendor after due diligence'),
    ('kyc.review',              'Collect and assess know-your-customer documents'),
    ('limits.set',              'Set trading and payment limits'),
    ('payments.approve',        'Approve payments'),
    ('payments.create',         'Enter payments'),
    ('payments.release',        'Release approved payments to the bank'),
    ('periods.close',           'Close an accounting period'),
    ('reconciliations.perform', 'Reconcile accounts'),
    ('reconciliations.review',  'Review reconciliations'),
    ('reports.read',            'Read financial reports'),
    ('roles.assign',            'Grant roles to users and revoke them'),
    ('sod_rules.manage',        'Add, enable and disable segregation-of-duties rules'),
    ('trades.execute',          'Execute trades'),
    ('trades.settle',           'Confirm and settle trades'),
    ('users.manage',            'Invite, change and disable users'),
    ('vendors.approve',         'Approve new vendors and changes of their data'),
    ('vendors.create',          'Enter vendors and changes of their data'),
    ('workflows.manage',        'Create and change workflow templates')
) AS seed (permission_code, description);

INSERT INTO iam.roles (role_code, name, description, is_system)
SELECT seed.*, true FROM (VALUES
    ('tenant_admin',       'Tenant administrator', 'Runs users, roles and workflows; touches no money and no books'),
    ('ap_clerk',           'AP clerk',             'Accounts payable, maker: enters vendors and payments'),
    ('ap_approver',        'AP approver',          'Accounts payable, checker: approves vendors and payments'),
    ('accountant',         'Accountant',           'Keeps the books: posts journals, reconciles, settles trades'),
    ('controller',         'Controller',           'Checks the books: approves journals, reviews reconciliations, closes periods'),
    ('treasurer',          'Treasurer',            'Moves money: releases payments, executes trades'),
    ('compliance_officer', 'Compliance officer',   'Second line: due diligence, limits, segregation of duties'),
    ('auditor',            'Auditor',              'Third line: reads everything, changes nothing')
) AS seed (role_code, name, description);

INSERT INTO iam.role_permissions (role_code, permission_code, is_system)
SELECT seed.*, true FROM (VALUES
    ('tenant_admin',       'reports.read'),
    ('tenant_admin',       'roles.assign'),
    ('tenant_admin',       'users.manage'),
    ('tenant_admin',       'workflows.manage'),
    ('ap_clerk',           'payments.create'),
    ('ap_clerk',           'reports.read'),
    ('ap_clerk',           'vendors.create'),
    ('ap_approver',        'kyc.review'),
    ('ap_approver',        'payments.approve'),
    ('ap_approver',        'reports.read'),
    ('ap_approver',        'vendors.approve'),
    ('accountant',         'journals.post'),
    ('accountant',         'reconciliations.perform'),
    ('accountant',         'reports.read'),
    ('accountant',         'trades.settle'),
    ('controller',         'bank_accounts.manage'),
    ('controller',         'journals.approve'),
    ('controller',         'periods.close'),
    ('controller',         'reconciliations.review'),
    ('controller',         'reports.read'),
    ('treasurer',          'payments.release'),
    ('treasurer',          'reports.read'),
    ('treasurer',          'trades.execute'),
    ('compliance_officer', 'audit.read'),
    ('compliance_officer', 'kyc.approve'),
    ('compliance_officer', 'limits.set'),
    ('compliance_officer', 'reports.read'),
    ('compliance_officer', 'sod_rules.manage'),
    ('auditor',            'audit.read'),
    ('auditor',            'reports.read')
) AS seed (role_code, permission_code);

INSERT INTO iam.sod_rules (rule_code, permission_a, permission_b, severity, description, is_system)
SELECT seed.*, true FROM (VALUES
    ('access_and_payment',         'payments.approve',        'roles.assign',            'critical', 'Whoever hands out roles could hand themselves an accomplice''s approval'),
    ('access_and_rules',           'roles.assign',            'sod_rules.manage',        'critical', 'Whoever hands out roles must not switch off the rules that limit them'),
    ('audit_independence',         'audit.read',              'roles.assign',            'medium',   'Whoever reviews access must not have granted it'),
    ('bank_account_and_release',   'bank_accounts.manage',    'payments.release',        'critical', 'Money could be redirected and released by the same hand'),
    ('custody_and_reconciliation', 'payments.release',        'reconciliations.perform', 'high',     'Whoever moves money must not explain the balance afterwards'),
    ('journal_maker_checker',      'journals.approve',        'journals.post',           'high',     'An entry is approved by somebody other than its author'),
    ('kyc_maker_checker',          'kyc.approve',             'kyc.review',              'high',     'A client is accepted by somebody other than the reviewer'),
    ('payment_checker_releaser',   'payments.approve',        'payments.release',        'high',     'Approval and release are two different hands'),
    ('payment_maker_checker',      'payments.approve',        'payments.create',         'critical', 'A payment is approved by somebody other than who entered it'),
    ('payment_maker_releaser',     'payments.create',         'payments.release',        'critical', 'A payment is released by somebody other than who entered it'),
    ('reconciliation_review',      'reconciliations.perform', 'reconciliations.review',  'medium',   'A reconciliation is reviewed by somebody other than its author'),
    ('trade_and_limit',            'limits.set',              'trades.execute',          'critical', 'A trader must not set the limits that bind them'),
    ('trade_and_settlement',       'trades.execute',          'trades.settle',           'critical', 'Front and back office are kept apart'),
    ('vendor_and_payment',         'payments.approve',        'vendors.create',          'critical', 'A fictitious vendor could be created and paid'),
    ('vendor_maker_checker',       'vendors.approve',         'vendors.create',          'high',     'A vendor is approved by somebody other than who entered it')
) AS seed (rule_code, permission_a, permission_b, severity, description);

INSERT INTO workflow.templates (template_code, name, description, is_system)
SELECT seed.*, true FROM (VALUES
    ('vendor_onboarding', 'Vendor onboarding', 'A new vendor, with due diligence before the approval'),
    ('supplier_payment',  'Supplier payment',  'A payment within the limit'),
    ('large_payment',     'Large payment',     'A payment above the limit: two approvals'),
    ('journal_entry',     'Journal entry',     'A manual entry into the books'),
    ('period_close',      'Period close',      'Month, quarter or year end'),
    ('client_onboarding', 'Client onboarding', 'Due diligence on a new client')
) AS seed (template_code, name, description);

INSERT INTO workflow.template_steps (template_code, position, name, required_permission, approvals, sla_hours, must_differ_from, is_system)
SELECT seed.*, true FROM (VALUES
    ('vendor_onboarding', 1, 'Enter the vendor',      'vendors.create',          1, 24, NULL),
    ('vendor_onboarding', 2, 'Accept due diligence',  'kyc.approve',             1, 48, 1),
    ('vendor_onboarding', 3, 'Approve the vendor',    'vendors.approve',         1, 24, 1),
    ('supplier_payment',  1, 'Enter the payment',     'payments.create',         1, 24, NULL),
    ('supplier_payment',  2, 'Approve the payment',   'payments.approve',        1, 24, 1),
    ('supplier_payment',  3, 'Release the payment',   'payments.release',        1,  8, 2),
    ('large_payment',     1, 'Enter the payment',     'payments.create',         1, 24, NULL),
    ('large_payment',     2, 'Approve the payment',   'payments.approve',        2, 24, 1),
    ('large_payment',     3, 'Release the payment',   'payments.release',        1,  8, 2),
    ('journal_entry',     1, 'Prepare the entry',     'journals.post',           1, 24, NULL),
    ('journal_entry',     2, 'Approve the entry',     'journals.approve',        1, 48, 1),
    ('period_close',      1, 'Reconcile accounts',    'reconciliations.perform', 1, 72, NULL),
    ('period_close',      2, 'Review reconciliation', 'reconciliations.review',  1, 48, 1),
    ('period_close',      3, 'Close the period',      'periods.close',           1, 24, 1),
    ('client_onboarding', 1, 'Review documents',      'kyc.review',              1, 48, NULL),
    ('client_onboarding', 2, 'Accept the client',     'kyc.approve',             1, 24, 1)
) AS seed (template_code, position, name, required_permission, approvals, sla_hours, must_differ_from);
