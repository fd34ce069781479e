-- Clicks and views of before there were rows of events (0019) become such rows, which alone are added up from here on:
-- nothing reads or writes the columns `clicks` and `views`, hits and asset_hits any more. (1 view, 3 click; 16: web;
-- 2 << 12, 2 << 16: preview programs, of before there were rules)
INSERT INTO hit_rows (at, subject, part, kind, n)
  SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000000, o.* FROM (
    SELECT rowid_, 0, 1 | 16, views AS n FROM assets
    UNION ALL SELECT 0, id, 1 | 16, views FROM shares
    UNION ALL SELECT a.rowid_, s.id, 3 | 16, s.clicks FROM shares s JOIN assets a ON a.id = s.asset_id
    UNION ALL SELECT asset, 0, 1 | 2 << 12 | 2 << 16, sum(views) FROM asset_hits WHERE client <> '' GROUP BY asset
    UNION ALL SELECT 0, share_id, 1 | 2 << 12 | 2 << 16, sum(views) FROM hits WHERE client <> '' GROUP BY share_id
    UNION ALL SELECT a.rowid_, s.id, 3 | 2 << 12 | 2 << 16, sum(h.clicks)
      FROM hits h JOIN shares s ON s.id = h.share_id JOIN assets a ON a.id = s.asset_id
      WHERE client <> '' GROUP BY s.id) o
  WHERE n > 0 AND NOT EXISTS (SELECT 1 FROM hit_rows);
